"""Makes docs/images/recording.webp and page.png: the page in Spanish, on a real box without a language model.

    python scripts/make_recording.py [FOLDER] [--frames FOLDER]

Signs in, asks, follows a citation to the marked line, asks on, uploads a document and asks that. Needs what the tests
need (Chromium and playwright, reportlab, Pillow). On a slow machine it is played faster, so that it lasts half a
minute all the same. --frames keeps some of the pictures, to be looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Locator, Page, ViewportSize, async_playwright
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from appliance.supervisor.state import read_state

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images"
SIZE: ViewportSize = {"width": 1240, "height": 780}
WIDTH = 960  # of the recording, pixels
_EVERY_S, _LONGEST_S = 0.11, 1.6  # between pictures; nothing happens for longer
_LASTS_S, _LAST_S = 32.0, 2.0  # the whole; the last picture
_QUALITY, _MOST_BYTES = 80, 3_000_000
_START_S, _PATIENCE_MS = 300.0, 120_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--force-color-profile=srgb"]
_POINTER = """() => {
  const pointer = document.createElement("div");
  pointer.id = "recording-pointer";
  pointer.style.cssText = "position:fixed;left:500px;top:420px;z-index:2147483647;width:22px;height:22px;"
    + "margin:-11px 0 0 -11px;border-radius:50%;background:rgb(30 30 34 / .42);border:2px solid #fff;"
    + "box-shadow:0 1px 5px rgb(0 0 0 / .4);pointer-events:none;transition:left .38s ease,top .38s ease,transform .12s";
  document.documentElement.append(pointer);
}"""
_PICTURE_IS_THERE = """() => document.querySelector("chat-transcript").shadowRoot
  .querySelector(".page-picture img")?.naturalWidth > 0"""
_PICTURE_IS_DRAWN = """async () => {
  await document.querySelector("chat-transcript").shadowRoot.querySelector(".page-picture img").decode();
  await new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn, 300)));
}"""
_MOVE = """([x, y]) => { const style = document.getElementById("recording-pointer")?.style;
  if (style) { style.left = `${x}px`; style.top = `${y}px`; } }"""
_SHOW = """isShown => document.getElementById("recording-pointer")?.toggleAttribute("hidden", !isShown)"""
_PRESS = """scale => { const style = document.getElementById("recording-pointer")?.style;
  if (style) style.transform = `scale(${scale})`; }"""


@dataclass
class Camera:
    """What the browser painted, with the second of each picture; the same second once."""

    pictures: list[tuple[float, bytes]] = field(default_factory=list)
    is_on: bool = True

    async def point_at(self, page: Page) -> None:
        """Begin to record this page."""
        session = await page.context.new_cdp_session(page)

        async def keep(frame: dict[str, object]) -> None:
            if self.is_on:
                self.pictures.append((time.monotonic(), base64.b64decode(str(frame["data"]))))
            await session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

        session.on("Page.screencastFrame", lambda frame: asyncio.ensure_future(keep(frame)))
        await session.send("Page.startScreencast", {"format": "png", "everyNthFrame": 2})


@contextmanager
def sample_box() -> Iterator[tuple[str, str, str]]:
    """(address, e-mail, password) of a box with the sample collection that has been read; nothing of it stays."""
    folder = Path(tempfile.mkdtemp(prefix="recording-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    data, output = folder / "data", folder / "output.txt"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")}
    words = [sys.executable, "-m", "appliance", "up", "--port", "0", "--data", str(data)]
    with output.open("wb") as said:
        process = subprocess.Popen(words, env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + _START_S
        while not _has_read_everything(data, process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The box did not start:\n{output.read_text(errors='replace')[-2000:]}")
            time.sleep(0.5)
        first = json.loads((data / "credentials.json").read_text())
        state = read_state(data)
        assert state is not None
        yield state.url, first["email"], first["password"]
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _has_read_everything(data: Path, pid: int) -> bool:
    state = read_state(data)
    if state is None or state.pid != pid or not (data / "credentials.json").exists():
        return False
    key = json.loads((data / "credentials.json").read_text())["api_key"]
    asked = urllib.request.Request(
        f"{state.url}/v1/vector_stores", headers={"authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(f"{state.url}/readyz", timeout=5) as answer:
            health = json.loads(answer.read())
        with urllib.request.urlopen(asked, timeout=5) as answer:
            counts = [store["file_counts"] for store in json.loads(answer.read())["data"]]
    except (urllib.error.URLError, OSError):
        return False
    is_read = bool(counts) and all(one["total"] and one["completed"] == one["total"] for one in counts)
    return is_read and health.get("ui") == "ready" and health["parts"].get("embedder") == "ready"


def write_document(path: Path) -> None:
    """A page that nobody has read before."""
    canvas = Canvas(str(path), pagesize=A4)
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(70, 760, "Traslado a la nave de Getafe")
    canvas.setFont("Helvetica", 12)
    lines = [
        "El traslado del almacén empieza el lunes 14 de septiembre de 2026 y dura tres días.",
        "Las carretillas y las baterías se llevan el último día, con el equipo de mantenimiento.",
        "",
        "Durante el traslado, los pedidos urgentes salen desde la nave de Coslada.",
        "La persona de contacto es Marta Rey, extensión 4417, de siete a quince horas.",
        "",
        "Cada puesto recibe dos cajas y una etiqueta con su número nuevo.",
    ]
    for number, line in enumerate(lines):
        canvas.drawString(70, 715 - 24 * number, line)
    canvas.save()


class Hand:
    """Moves, clicks and types as somebody would."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def goes_to(self, target: Locator) -> None:
        await target.wait_for(timeout=_PATIENCE_MS)
        await target.scroll_into_view_if_needed()
        box = await target.bounding_box()
        assert box is not None
        at = (box["x"] + min(box["width"] / 2, 120), box["y"] + box["height"] / 2)
        await self.page.evaluate(_MOVE, list(at))
        await self.page.wait_for_timeout(430)
        await self.page.mouse.move(*at)

    async def clicks(self, target: Locator) -> None:
        await self.goes_to(target)
        await self.page.evaluate(_PRESS, 0.7)
        await self.page.wait_for_timeout(90)
        await target.click()
        await self.page.evaluate(_PRESS, 1)

    async def asks(self, question: str, wait_ms: int = 1500) -> None:
        box = self.page.locator("chat-transcript textarea").first
        await self.clicks(box)
        await self.page.keyboard.type(question, delay=17)
        await self.page.wait_for_timeout(250)
        await self.page.keyboard.press("Enter")
        await self.page.locator("chat-transcript article:last-of-type footer").wait_for(timeout=_PATIENCE_MS)
        await self.page.wait_for_timeout(wait_ms)

    async def opens_citation(self, wait_ms: int = 2600) -> None:
        chip = self.page.locator("chat-transcript article:last-of-type a.citation").first
        await self.clicks(chip)
        picture = self.page.locator("chat-transcript .passage .page-picture img").first
        await picture.wait_for(timeout=_PATIENCE_MS)
        await self.page.wait_for_function(_PICTURE_IS_THERE)
        await self.page.evaluate(_PICTURE_IS_DRAWN)
        await self.page.wait_for_timeout(wait_ms)


async def act(page: Page, url: str, email: str, password: str, document: Path) -> bytes:
    """The half minute; returns a picture of it."""
    hand = Hand(page)
    await page.goto(url)
    await page.evaluate(_POINTER)
    await page.wait_for_timeout(700)
    await page.locator("[name=email]").press_sequentially(email, delay=10)
    await page.locator("[name=password]").press_sequentially(password, delay=10)
    await hand.clicks(page.locator("button[type=submit]"))
    await page.locator("#slot-chat chat-transcript .composer").wait_for(timeout=_PATIENCE_MS)
    await page.evaluate(_POINTER)
    await page.wait_for_timeout(800)
    await hand.asks("¿Cuántos días de vacaciones tengo?")
    await hand.opens_citation()
    await page.evaluate(_SHOW, False)
    picture = await page.screenshot()
    await page.evaluate(_SHOW, True)
    await page.keyboard.press("Escape")
    await hand.asks("¿Y si no los gasto este año?", 1700)

    await hand.clicks(page.locator("#tab-documents-button"))
    shelf = page.locator("document-shelf")
    await shelf.locator("[data-id]").first.wait_for(timeout=_PATIENCE_MS)
    await page.wait_for_timeout(900)
    await shelf.locator("input[type=file]").first.set_input_files(document)
    row = shelf.locator("[data-id]", has_text=document.name)
    await hand.goes_to(row)
    await row.locator(".badge.ready").wait_for(timeout=_PATIENCE_MS)
    await page.wait_for_timeout(900)
    await hand.clicks(page.locator("#tab-ask-button"))
    await hand.clicks(page.locator("chat-transcript .new-chat"))
    await page.wait_for_timeout(400)
    await hand.asks("¿Cuándo empieza el traslado a Getafe?", 1300)
    await hand.opens_citation(1500)
    return picture


def as_recording(pictures: list[tuple[float, bytes]], target: Path, frames: Path | None) -> float:
    """Write them as one moving picture; returns its seconds. Long waits are shortened."""
    kept: list[tuple[float, bytes]] = []
    for at, data in pictures:
        if kept and at - kept[-1][0] < _EVERY_S:
            kept[-1] = (kept[-1][0], data)
        else:
            kept.append((at, data))
    lasting = [min(until - at, _LONGEST_S) for (at, _), (until, _) in itertools.pairwise(kept)]
    faster = max(1.0, sum(lasting) / (_LASTS_S - _LAST_S))
    shown_ms = [round(1000 * one / faster) for one in lasting] + [round(1000 * _LAST_S)]
    images = []
    for number, (_, data) in enumerate(kept):
        image = Image.open(BytesIO(data)).convert("RGB")
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
        images.append(image)
        if frames is not None and number % 12 == 0:
            image.save(frames / f"{number:04}.png")
    images[0].save(
        target,
        save_all=True,
        append_images=images[1:],
        duration=shown_ms,
        loop=0,
        quality=_QUALITY,
        method=4,
        kmax=60,
        allow_mixed=True,
    )
    return sum(shown_ms) / 1000


async def record(
    url: str, email: str, password: str, document: Path
) -> tuple[list[tuple[float, bytes]], bytes]:
    """Play it once; returns what was seen, and a picture."""
    camera = Camera()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        context = await browser.new_context(viewport=SIZE, locale="es-ES")
        page = await context.new_page()
        await page.goto(url)
        await camera.point_at(page)
        picture = await act(page, url, email, password, document)
        camera.is_on = False
        await browser.close()
    return camera.pictures, picture


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--frames", type=Path, help="folder for some of the pictures")
    options = parser.parse_args()
    if options.frames is not None:
        options.frames.mkdir(parents=True, exist_ok=True)
    with sample_box() as (url, email, password), tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "traslado-getafe.pdf"
        write_document(document)
        pictures, picture = asyncio.run(record(url, email, password, document))
    (options.folder / "page.png").write_bytes(picture)
    target = options.folder / "recording.webp"
    seconds = as_recording(pictures, target, options.frames)
    size = target.stat().st_size
    print(f"{target}: {seconds:.0f} s, {len(pictures)} pictures, {size / 1e6:.2f} MB")
    if size > _MOST_BYTES:
        raise SystemExit(f"That is more than {_MOST_BYTES / 1e6:.0f} MB: lower the quality.")


if __name__ == "__main__":
    main()
