"""A meeting from its recording to the second at which something was said: a whole box with a tiny real Whisper."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.accessibility import failings
from tests.speech_process import BY_NAME, RATE, samples_of, silence, write_audio
from tests.ui.test_page_in_chromium import CHROMIUM, FLAGS
from tests.ui.test_whole_path_in_chromium import MORNINGS, READ_MS, Stay, _arriving, _ask
from tests.whole_box import WholeBox

pytest.importorskip("faster_whisper", reason="the extra `speech` is not installed: no meeting was heard")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: no meeting was played"),
    pytest.mark.timeout(900),  # with the first start of a box
]

SAID = ("door", "meeting", "rain", "report")
PAUSE_S = 3.0
QUESTION = "When does the meeting start?"
DICTATED = BY_NAME["capital"]
_RECORDED_AGAIN = 5
_PLAYER = "document.querySelector('chat-transcript').shadowRoot.querySelector('.passage audio')"


@dataclass(frozen=True)
class Meeting:
    """Its file, and when the cited sentence begins in it, in seconds."""

    path: Path
    cited_s: float


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    """Four sentences with pauses between."""
    pieces, begins = [], {}
    for name in SAID:
        pieces.append(silence(PAUSE_S))
        begins[name] = sum(map(len, pieces)) / RATE
        pieces.append(samples_of(BY_NAME[name]))
    path = write_audio(tmp_path_factory.mktemp("meeting") / "meeting.mp3", pieces, "libmp3lame")
    return Meeting(path, begins["meeting"])


@pytest.fixture
async def speaking_browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """Chromium whose microphone says one sentence, once."""
    sound = [silence(1.0), samples_of(DICTATED), silence(30.0)]
    file = write_audio(tmp_path / "microphone.wav", sound, "pcm_s16le", rate=48_000)
    args = [
        *FLAGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}%noloop",
    ]
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield launched
        await launched.close()


async def test_a_meeting_is_heard_asked_and_played_from_the_sentence(
    speaking_browser: Browser, quoting_box: WholeBox, meeting: Meeting
) -> None:
    """Dropped into a collection, cited with its time, played from there; what is dictated is written to the letter."""
    async with _arriving(speaking_browser, quoting_box, replace(MORNINGS[0], whose="mara")) as stay:
        await _drops_it(stay, meeting)
        await _asks_and_is_taken_there(stay, meeting)
        await _opens_it_whole(stay)
        await _dictates(stay)
        assert stay.trouble == []


async def _drops_it(stay: Stay, meeting: Meeting) -> None:
    """It is heard and ready; its length and language stand beside it."""
    page = stay.page
    await stay.open_tab("tab_documents")
    shelf = page.locator("document-shelf")
    await shelf.get_by_role("button", name=stay.say("new_collection")).click()
    await page.get_by_label(stay.say("collection_name")).fill("Meetings")
    await page.keyboard.press("Enter")
    await expect(shelf.locator("h1")).to_have_text("Meetings")
    await shelf.locator("input[type=file]").set_input_files(meeting.path)
    row = shelf.locator("[role=row]", has_text=meeting.path.name)
    await expect(row.locator(".badge.ready")).to_have_text(stay.say("state_ready"), timeout=READ_MS)
    await expect(row.locator(".recording .badge")).to_have_text("English")
    await picture(page, "meeting-in-the-shelf")


async def _asks_and_is_taken_there(stay: Stay, meeting: Meeting) -> None:
    """The player stands where the sentence begins; another sentence takes it elsewhere."""
    page = stay.page
    await stay.open_tab("tab_ask")
    await _ask(page, QUESTION)
    answer = page.locator("chat-transcript article")
    await expect(answer.locator("blockquote").first).to_contain_text(BY_NAME["meeting"].text)
    await answer.locator("a.citation").first.click()
    passage = page.locator("chat-transcript .passage")
    await expect(passage.locator(".where")).to_contain_text(f"0:{int(meeting.cited_s):02}")
    await expect(passage.locator(".sentence.quote")).to_have_text(BY_NAME["meeting"].text)
    await page.wait_for_function(f"() => {_PLAYER}.currentTime > 0")
    assert abs(await _second(page) - meeting.cited_s) < 1
    await expect(passage.locator(".sentence")).to_have_text([BY_NAME[name].text for name in SAID])
    assert await failings(page) == []
    await picture(page, "meeting-played")

    await passage.locator(".when").first.click()
    await expect(passage.locator(".sentence.now")).to_have_text(BY_NAME["door"].text)
    await page.evaluate(f"() => {_PLAYER}.pause()")


async def _opens_it_whole(stay: Stay) -> None:
    """The same words and player in the document's own view, with the transcript to keep."""
    page = stay.page
    await page.get_by_role("button", name=stay.say("viewer_open")).click()
    dialog = page.locator("dialog[open]")
    await expect(dialog.locator(".sentence.quote")).to_have_text(BY_NAME["meeting"].text)
    async with page.expect_download() as download:
        await dialog.get_by_role("link", name="SRT").click()
    kept = await asyncio.to_thread(Path(await (await download.value).path()).read_text)
    assert BY_NAME["rain"].text in kept and kept.startswith("1\n00:00:0")
    assert await failings(page) == []
    await picture(page, "meeting-whole")
    await page.get_by_role("button", name=stay.say("close"), exact=True).last.click()
    await expect(dialog).to_have_count(0)


async def _dictates(stay: Stay) -> None:
    """The sentence, the whole of it and nothing else; a machine too busy to record without gaps records again."""
    page = stay.page
    box = page.locator("chat-transcript textarea")
    await expect(page.locator("chat-transcript .dictate")).to_be_visible(timeout=60_000)
    heard = []
    for _ in range(_RECORDED_AGAIN):
        heard.append(await _dictated(page))
        if heard[-1] == DICTATED.text:
            break
        await box.fill("")
        if await page.locator("chat-transcript .dictation").is_visible():
            await page.get_by_role("button", name=stay.say("dictate_drop")).click()
    assert heard[-1] == DICTATED.text, heard


async def _dictated(page: Page) -> str:
    """What one dictation brings into the question box; empty where nothing was heard."""
    button, bar = page.locator("chat-transcript .dictate"), page.locator("chat-transcript .dictation")
    await button.click()
    length_s = len(samples_of(DICTATED)) / RATE + 2
    await page.wait_for_function(
        "most => Number(document.querySelector('chat-transcript').shadowRoot.querySelector('.elapsed')"
        ".textContent.split(':')[1] ?? 0) > most",
        arg=length_s,
    )
    await button.click()
    text_box = page.locator("chat-transcript textarea")
    failed = bar.and_(page.locator("[data-state=failed]"))
    await expect(text_box.and_(page.locator(":not(:placeholder-shown)")).or_(failed)).to_be_visible(
        timeout=READ_MS
    )
    return await text_box.input_value()


async def picture(page: Page, name: str) -> None:
    """For looking at, where PAGE_SCREENSHOTS names a folder."""
    if shots := os.environ.get("PAGE_SCREENSHOTS"):
        await page.screenshot(path=f"{shots}/{name}.png")


async def _second(page: Page) -> float:
    at: float = await page.evaluate(f"() => {_PLAYER}.currentTime")
    return at
