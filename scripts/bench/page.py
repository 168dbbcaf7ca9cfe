"""What a person sees of answers that grow: updates in a browser's chat, and the age of many people's events."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from appliance.demo.throwaway_box import ThrowawayBox
from bench.client import Target
from bench.engine import MODEL
from bench.tables import Row, quantile
from bench.targets import ModelledEngine

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# Each event of a growing answer changes its text once; an observer is told once for each.
_COUNT = """seconds => new Promise(done => {
  const body = document.querySelector("chat-transcript").shadowRoot.querySelector("article:last-of-type .body");
  let updates = 0, longest = 0, before = performance.now();
  const watcher = new MutationObserver(() => { updates += 1; });
  watcher.observe(body, {subtree: true, childList: true, characterData: true});
  const frame = now => {
    longest = Math.max(longest, now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  setTimeout(() => { watcher.disconnect(); done([updates / seconds, longest]); }, seconds * 1000);
})"""


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation to measure in. earlier: turns before the question; is_drawn: all of them are in the page."""

    name: str
    id: str
    earlier: int
    is_drawn: bool = False


@dataclass(slots=True)
class Stream:
    """What arrived of one answer: (seconds, words so far) of each event."""

    arrived: list[tuple[float, int]] = field(default_factory=list)

    def ages_s(self, word_s: float) -> list[float]:
        """How much later each event came than the quickest of them, by the words that it held."""
        late = [at - words * word_s for at, words in self.arrived if words]
        return [one - min(late) for one in late] if late else []


class Person:
    """One person's calls of the public API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session, self._url = session, url
        self._headers = {"authorization": f"Bearer {key}"}

    async def ask(self, conversation: str | None = None) -> tuple[str, str]:
        """(turn, conversation)."""
        body = {
            "question": "Say something.",
            "model": MODEL,
            **({"conversation_id": conversation} if conversation else {}),
        }
        async with self._session.post(f"{self._url}/api/turns", json=body, headers=self._headers) as begun:
            begun.raise_for_status()
            told = await begun.json()
            return told["id"], told["conversation_id"]

    async def follow(self, turn: str, until_s: float = float("inf")) -> Stream:
        """To its end, or to a moment of time.perf_counter."""
        stream, blocks, kind = Stream(), {}, ""
        async with self._session.get(f"{self._url}/api/turns/{turn}/events", headers=self._headers) as events:
            async for line in events.content:
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif kind == "block" and line.startswith(b"data: "):
                    data = json.loads(line[6:])
                    # The full stop that ends a paragraph comes by itself, in a word's time.
                    blocks[data["slot"]] = data["html"].count(" ") + 1 + data["is_final"]
                    stream.arrived.append((time.perf_counter(), sum(blocks.values())))
                if kind in ("done", "error") or time.perf_counter() > until_s:
                    break
        return stream

    async def stop(self, turn: str) -> None:
        """End an answer."""
        async with self._session.post(f"{self._url}/api/turns/{turn}/stop", headers=self._headers) as stopped:
            stopped.raise_for_status()

    async def long_chat(self, turns: int) -> str:
        """A conversation of so many finished answers."""
        turn, conversation = await self.ask()
        for number in range(turns):
            await self.follow(turn)
            if number < turns - 1:
                turn, _ = await self.ask(conversation)
        return conversation


@asynccontextmanager
async def browsing(box: ThrowawayBox, chromium: str) -> AsyncIterator[Page]:
    """A browser in which the box's first person has signed in."""
    kept = json.loads((box.data / "credentials.json").read_text(encoding="utf-8"))
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 860})
        await page.goto(box.url)
        await page.fill("[name=email]", kept["email"])
        await page.fill("[name=password]", kept["password"])
        await page.click("button[type=submit]")
        await page.wait_for_selector("chat-transcript .composer")
        yield page
        await browser.close()


async def updates(
    page: Page, box: ThrowawayBox, person: Person, chat: Chat, seconds: float
) -> tuple[float, float]:
    """(updates per second, longest time between two frames in ms) while an answer is written in this chat."""
    turn, _ = await person.ask(chat.id)
    await page.goto(f"{box.url}/c/{chat.id}")
    body = page.locator("chat-transcript article").last.locator(".body .block").first
    await body.wait_for()
    if chat.is_drawn:
        await _draw_all(page)
    rate, longest = await page.evaluate(_COUNT, seconds)
    await person.stop(turn)
    await person.follow(turn)
    return float(rate), float(longest)


async def _draw_all(page: Page) -> None:
    """Scroll up until the first turn is there, then back to the end."""
    scroller, earlier = page.locator("chat-transcript .scroll"), page.locator("chat-transcript .earlier")
    while await earlier.is_visible():
        await scroller.evaluate("one => { one.scrollTop = 0; }")
        await asyncio.sleep(0.05)
    await scroller.evaluate("one => { one.scrollTop = one.scrollHeight; }")


async def many(people: list[Person], words_s: float, seconds: float) -> Row:
    """All of them follow an answer of their own at once."""
    turns = await asyncio.gather(*(person.ask() for person in people))
    until = time.perf_counter() + seconds
    streams = await asyncio.gather(
        *(person.follow(turn, until) for person, (turn, _) in zip(people, turns, strict=True))
    )
    await asyncio.gather(*(person.stop(turn) for person, (turn, _) in zip(people, turns, strict=True)))
    rates = [len(stream.arrived) / (stream.arrived[-1][0] - stream.arrived[0][0]) for stream in streams]
    ages = [age * 1000 for stream in streams for age in stream.ages_s(1 / words_s)]
    return {
        "streams": len(people),
        "words/s each": f"{words_s:.0f}",
        "updates/s each, slowest": f"{min(rates):.1f}",
        "median": f"{quantile(rates, 0.5):.1f}",
        "age p50": f"{quantile(ages, 0.5):.0f} ms",
        "p95": f"{quantile(ages, 0.95):.0f} ms",
    }


async def plain_requests(target: Target, seconds: float) -> list[float]:
    """How long short requests to /v1 take one after the other, in milliseconds."""
    until, took = time.perf_counter() + seconds, []
    while time.perf_counter() < until:
        reply = await target.ask(target.keys[0], 4)
        took.append(reply.total_s * 1000)
    return took


async def tempo(engine: ModelledEngine, words_s: float) -> None:
    """The engine's speed; 0: short answers, at once."""
    token_ms, tokens = (1000 / words_s, 100_000) if words_s else (0.0, 40)
    await engine.change(slots=512, ttft_ms=0, token_ms=token_ms, tokens=tokens, is_prose=True)


def find_chromium(named: Path | None) -> str:
    """The browser to use. Raises SystemExit where there is none."""
    found = str(named) if named else shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("No Chromium was found: name one with --chromium.")
    return found
