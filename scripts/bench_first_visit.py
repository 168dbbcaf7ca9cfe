"""How soon the chat can be typed into on a first visit, and after a reload.

    python scripts/bench_first_visit.py --data DATA [--visits 5] [--chromium FILE]

DATA: the data folder of a box that runs on this machine; its first administrator signs in once. Each visit has an empty
browser cache. Times are the page's own clock, from the beginning of the navigation until the question box is drawn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Page, StorageState, async_playwright

# The page's policy forbids Playwright's own waiting inside the page, which evaluates a text.
_WATCH = """
const look = () => {
  const chat = document.querySelector("chat-transcript");
  const box = chat && (chat.shadowRoot ?? chat).querySelector("textarea");
  if (box && box.getClientRects().length) window.usableAt = performance.now();
  else requestAnimationFrame(look);
};
look();
"""
_RESOURCES = """() => {
  const all = performance.getEntriesByType("resource");
  return [all.length + 1, all.reduce((sum, one) => sum + one.transferSize, 0),
    Math.max(...all.map(one => one.responseEnd))];
}"""


@dataclass(frozen=True)
class Visit:
    """Milliseconds until the question box, until everything was loaded, until the box after a reload."""

    usable_ms: float
    loaded_ms: float
    reload_ms: float
    requests: int
    kilobytes: float


async def _usable(page: Page) -> float:
    while not (at := await page.evaluate("window.usableAt ?? 0")):  # noqa: ASYNC110 - it is in another process
        await asyncio.sleep(0.05)
    return float(at)


async def visit(browser: Browser, url: str, signed_in: StorageState) -> Visit:
    """One visit with an empty cache, then a reload."""
    context = await browser.new_context(locale="es-ES", storage_state=signed_in)
    page = await context.new_page()
    await page.add_init_script(_WATCH)
    await page.goto(url, wait_until="commit")
    usable_ms = await _usable(page)
    await page.wait_for_load_state("networkidle")
    requests, size, loaded_ms = await page.evaluate(_RESOURCES)
    await page.reload(wait_until="commit")
    reload_ms = await _usable(page)
    await context.close()
    return Visit(usable_ms, loaded_ms, reload_ms, requests, size / 1000)


async def sign_in(browser: Browser, kept: dict[str, str]) -> StorageState:
    """kept: credentials.json."""
    page = await browser.new_page()
    await page.goto(kept["url"])
    await page.fill("[name=email]", kept["email"])
    await page.fill("[name=password]", kept["password"])
    await page.click("button[type=submit]")
    await page.locator("chat-transcript textarea").wait_for(timeout=60_000)
    signed_in = await page.context.storage_state()
    await page.context.close()
    return signed_in


async def bench(data: Path, visits: int, chromium: str | None) -> None:
    """Prints a Markdown table."""
    kept = json.loads((data / "credentials.json").read_text(encoding="utf-8"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        signed_in = await sign_in(browser, kept)
        print("| visit | chat usable | all loaded | usable after a reload | requests | kB |")
        print("|---|---|---|---|---|---|")
        for number in range(visits):
            one = await visit(browser, kept["url"], signed_in)
            times = f"{one.usable_ms:.0f} ms | {one.loaded_ms:.0f} ms | {one.reload_ms:.0f} ms"
            print(f"| {number + 1} | {times} | {one.requests} | {one.kilobytes:.0f} |")
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="data folder of the running box")
    parser.add_argument("--visits", type=int, default=5, help="with an empty cache each (default: 5)")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser")
    arguments = parser.parse_args()
    asyncio.run(bench(arguments.data, arguments.visits, arguments.chromium))
