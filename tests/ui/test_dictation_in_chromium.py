"""Dictating in a real browser with a made microphone: what is recorded, what becomes of it, that nothing is lost."""

from __future__ import annotations

import asyncio
import json
import math
import os
import struct
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.accessibility import PHONE, failings
from tests.ui.test_conversations_in_chromium import _chatting
from tests.ui.test_page_in_chromium import CHROMIUM, FLAGS, pytestmark
from ui.texts import Language, text

__all__ = ["pytestmark"]

_MODELS = {
    "object": "list",
    "data": [
        {"id": "answer-with-sources", "object": "model"},
        {"id": "whisper-small", "object": "model", "kind": "transcription"},
    ],
}
_INSECURE = "Object.defineProperty(window, 'isSecureContext', {value: false});"
_NO_DEVICE = """navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("none", "NotFoundError");
};"""
_DENIED = _NO_DEVICE.replace("NotFoundError", "NotAllowedError")


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a tone, again and again."""
    path = tmp_path_factory.mktemp("microphone") / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        samples = [int(12_000 * math.sin(math.tau * 440 * at / 16_000)) for at in range(16_000)]
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


@pytest.fixture
async def hearing_browser(microphone: Path) -> AsyncIterator[Browser]:
    """Chromium that plays that file as its microphone and asks nobody for leave."""
    args = [
        *FLAGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield launched
        await launched.close()


class Listener:
    """Stands in for the box's transcriber: answers as it is told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answers: list[tuple[int, object]] = []

    async def attach(self, page: Page) -> None:
        await page.route("**/v1/models", lambda route: route.fulfill(json=_MODELS))
        await page.route("**/v1/audio/transcriptions", self._hear)

    async def _hear(self, route: Route) -> None:
        self.sent.append(route.request.post_data_buffer or b"")
        status, body = self.answers.pop(0)
        if status:
            await route.fulfill(status=status, body=json.dumps(body), content_type="application/json")
        else:
            await route.abort()


async def _picture(page: Page, name: str) -> None:
    """For looking at, where PAGE_SCREENSHOTS names a folder."""
    if shots := os.environ.get("PAGE_SCREENSHOTS"):
        await page.screenshot(path=f"{shots}/{name}.png")


async def _ready(page: Page, listener: Listener) -> None:
    """The microphone button is there once the box has said that it hears."""
    await listener.attach(page)
    await page.reload()
    await expect(page.locator("chat-transcript .dictate")).to_be_visible()


@pytest.mark.parametrize(("language", "locale"), [("es", "es-ES"), ("en", "en-GB")])
async def test_what_is_dictated_comes_to_the_caret_and_is_not_sent(
    hearing_browser: Browser,
    database: Database,
    valkey: Redis,
    tmp_path: Path,
    language: Language,
    locale: str,
) -> None:
    """By keyboard alone: recorded, seen to be loud, written between the words that stand there."""
    listener = Listener()
    async with _chatting(hearing_browser, database, valkey, tmp_path / "no.sock", locale=locale) as visit:
        page, keys = visit.page, visit.page.keyboard
        await _ready(page, listener)
        box, button = page.locator("chat-transcript textarea"), page.locator("chat-transcript .dictate")
        bar = page.locator("chat-transcript .dictation")
        await box.fill("Before after")
        await box.evaluate("box => box.setSelectionRange(6, 6)")
        await button.press("Enter")
        await expect(button).to_have_attribute("aria-pressed", "true")
        await expect(bar).to_have_attribute("data-state", "recording")
        await page.wait_for_function(
            "() => Number(document.querySelector('chat-transcript').shadowRoot"
            ".querySelector('.level').dataset.loudest) > .5"
        )
        assert await failings(page) == []
        await _picture(page, f"dictating-{language}")
        listener.answers.append((200, {"text": " in the middle "}))
        await button.press("Enter")
        await expect(box).to_have_value("Before in the middle after")

        await expect(bar).to_be_hidden()
        await expect(button).to_have_attribute("aria-pressed", "false")
        assert visit.box.answerer.asked == []
        [form] = listener.sent
        assert b"\x1aE\xdf\xa3" in form
        assert f'name="language"\r\n\r\n{language}\r\n'.encode() in form
        assert b"whisper-small" in form

        await button.press("Enter")
        await expect(bar).to_have_attribute("data-state", "recording")
        await keys.press("Escape")
        await expect(bar).to_be_hidden()
        await expect(box).to_be_focused()
        await expect(box).to_have_value("Before in the middle after")
        assert len(listener.sent) == 1
        assert visit.trouble == []


async def test_a_recording_that_fails_is_not_lost(
    hearing_browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Without a connection, refused, or heard as silence: it can be tried again or kept, also on a phone."""
    listener = Listener()
    look = {"locale": "es-ES", "viewport": PHONE}
    async with _chatting(hearing_browser, database, valkey, tmp_path / "no.sock", **look) as visit:
        page = visit.page
        await _ready(page, listener)
        box, button = page.locator("chat-transcript textarea"), page.locator("chat-transcript .dictate")
        problem = page.locator("chat-transcript .dictation [role=alert]")
        again = page.get_by_role("button", name=text("dictate_again", "es"))
        await button.click()
        await expect(page.locator("chat-transcript .dictation")).to_have_attribute("data-state", "recording")
        listener.answers += [
            (0, None),
            (503, {"error": {"code": "speech_unavailable", "message": "away"}}),
            (413, {"error": {"code": "too_large", "message": "long"}}),
            (200, {"text": "  "}),
            (200, {"text": "Por fin."}),
        ]
        await button.click()
        await expect(problem).to_have_text(text("dictate_connection", "es"))
        await _picture(page, "dictation-failed-phone")
        async with page.expect_download() as download:
            await page.get_by_role("link", name=text("dictate_keep", "es")).click()
        kept = await asyncio.to_thread(Path(await (await download.value).path()).read_bytes)
        assert await failings(page, rules={"color-contrast": {"enabled": False}}) == []
        for sentence in ("error.speech_unavailable", "dictate_too_long", "dictate_nothing"):
            await again.click()
            await expect(problem).to_have_text(text(sentence, "es"))
        await again.click()
        await expect(box).to_have_value("Por fin.")

        assert kept.startswith(b"\x1aE\xdf\xa3")
        assert all(kept in form for form in listener.sent)
        assert len(listener.sent) == 5


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (_INSECURE, "dictate_no_insecure"),
        (_NO_DEVICE, "dictate_no_none"),
        (_DENIED, "dictate_no_denied"),
    ],
    ids=["insecure", "no_microphone", "denied"],
)
async def test_without_a_microphone_the_page_says_what_to_do(
    hearing_browser: Browser,
    database: Database,
    valkey: Redis,
    tmp_path: Path,
    script: str,
    sentence: str,
) -> None:
    """Each reason has its own sentence, and the question box goes on as before."""
    async with _chatting(hearing_browser, database, valkey, tmp_path / "no.sock", locale="es-ES") as visit:
        page = visit.page
        await page.add_init_script(script)
        await _ready(page, Listener())
        await page.locator("chat-transcript .dictate").click()
        problem = page.locator("chat-transcript .dictation [role=alert]")
        await expect(problem).to_have_text(text(sentence, "es"))
        await _picture(page, sentence)
        await page.get_by_role("button", name=text("dictate_close", "es")).click()

        await expect(page.locator("chat-transcript .dictation")).to_be_hidden()
        await expect(page.locator("chat-transcript textarea")).to_be_focused()
        assert visit.trouble == []


async def test_a_box_that_does_not_hear_offers_no_microphone(
    hearing_browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Once the models are known there is still none."""
    async with _chatting(hearing_browser, database, valkey, tmp_path / "no.sock", locale="en-GB") as visit:
        async with visit.page.expect_response("**/v1/models"):
            await visit.page.reload()

        await expect(visit.page.locator("chat-transcript .dictate")).to_be_hidden()
