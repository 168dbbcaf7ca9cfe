"""Whether a prompt and the answer it asks for fit into the model's context, before a turn is waited for.

Most prompts cannot be too long, and their bytes say so in microseconds. Of the others the engine counts the exact
tokens. What does not fit is refused with the numbers, or, where the request says `truncation: "auto"`, loses its oldest
turns and the answer says how many. Where nobody can count, the engine decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appliance.domain.answers import Dropped
from appliance.domain.refusals import Told
from appliance.errors import PromptTooLong
from appliance.fairness.answer_scan import estimated_prompt_tokens
from appliance.fairness.routing import Routes
from inference.errors import EngineRefused, EngineUnavailable
from inference.ports import CountsPrompts
from inference.tokenizing.bounds import TemplateCost, has_media, most_prompt_tokens, text_bytes
from inference.tokenizing.refusals import told_too_long
from inference.tokenizing.turns import old_turns, without
from inference.types import EngineRequest, PromptCount, Usage

logger = logging.getLogger(__name__)

TRUNCATION = "truncation"
_LEAST_ANSWER_TOKENS = 1024  # room left for an answer whose length nobody asked for
_COUNTED_BYTES_PER_TOKEN = 16  # of the context: a text longer than that cannot fit and is not worth counting
_LEAST_COUNTED_BYTES = 1 << 20
_TRIED_AGAIN_AFTER_S = 30.0  # an engine that could not count
_BYTES_PER_TOKEN = 3  # an overestimate for prose, where turns have to go and nobody can count
_ONE = {"role": "user", "content": "a"}
_FIVE = [_ONE, {"role": "assistant", "content": "a"}, _ONE, {"role": "assistant", "content": "a"}, _ONE]


@dataclass(frozen=True, slots=True)
class Checked:
    """The request as it may be sent. prompt_tokens: of all its prompts, as they were counted; None: not needed, or
    nobody can. is_exact: the engine's own usage must say the same; else it may say more."""

    request: EngineRequest
    prompt_tokens: int | None = None
    is_exact: bool = False
    dropped: Dropped | None = None


@dataclass(slots=True)
class _Template:
    """What is known of a model's chat template. routes: as they were then; other ones may be another model's."""

    routes: Routes
    cost: TemplateCost | None
    until: float


class ContextGuard:
    """clock: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._templates: dict[str, _Template] = {}
        self._measuring: dict[str, asyncio.Task[TemplateCost | None]] = {}

    async def check(self, request: EngineRequest, routes: Routes) -> Checked:
        """Raises PromptTooLong."""
        payload = request.payload
        truncates = payload.get(TRUNCATION) == "auto"
        if TRUNCATION in payload:
            payload = {name: value for name, value in payload.items() if name != TRUNCATION}
            request = replace(request, payload=payload)
        context = routes.context_tokens
        if context is None or request.route not in ("chat/completions", "completions"):
            return Checked(request)
        engine, _ = routes.engines[routes.candidates[0].engine]
        is_strict = getattr(engine, "refuses_long_answers", False)
        asked = payload.get("max_completion_tokens") or payload.get("max_tokens")
        least = asked if is_strict and asked else 1
        cost = await self._cost(request, routes)
        if cost is None and not truncates:
            return Checked(request)  # nobody can count: the engine decides
        if cost is not None:
            most = most_prompt_tokens(payload, cost)
            if most is not None and most + least <= context:
                return Checked(request)
        return await _Weighing(
            request, routes, context, asked, is_strict=is_strict, truncates=truncates
        ).decided()

    async def _cost(self, request: EngineRequest, routes: Routes) -> TemplateCost | None:
        """None: the engine cannot count prompts, or could not a moment ago."""
        if request.route == "completions":
            return _NOTHING
        known = self._templates.get(routes.own_name)
        if known is not None and known.routes is routes and (known.cost or self._clock() < known.until):
            return known.cost
        running = self._measuring.get(routes.own_name)
        if running is None:
            running = asyncio.create_task(self._measure(routes))
            self._measuring[routes.own_name] = running
        return await asyncio.shield(running)  # whoever leaves does not take it from the others

    async def _measure(self, routes: Routes) -> TemplateCost | None:
        try:
            one = EngineRequest("chat/completions", {"messages": [_ONE]})
            more = EngineRequest("chat/completions", {"messages": _FIVE})
            of_one, of_more = await _count(routes, one), await _count(routes, more)
            cost = None
            if of_one is not None and not of_one.is_exact:
                cost = _USUAL
            elif of_one is not None and of_more is not None:
                cost = TemplateCost.measured(of_one.tokens[0], of_more.tokens[0], more=len(_FIVE) - 1)
            self._templates[routes.own_name] = _Template(routes, cost, self._clock() + _TRIED_AGAIN_AFTER_S)
            return cost
        finally:
            del self._measuring[routes.own_name]


_NOTHING = TemplateCost(0, 0)
_USUAL = TemplateCost(1024, 64)  # more than the templates of open models write


class _Weighing:
    """One request that may be too long. answer: tokens that it asks for; None: it does not say. is_strict: the engine
    refuses an answer for which there is no room; others write until the context is full and say so ("length").
    """

    def __init__(
        self,
        request: EngineRequest,
        routes: Routes,
        context: int,
        answer: int | None,
        *,
        is_strict: bool,
        truncates: bool,
    ) -> None:
        self._request, self._routes, self._context = request, routes, context
        self._answer, self._is_strict = answer, is_strict
        self._truncates = truncates and request.route == "chat/completions"

    async def decided(self) -> Checked:
        count = await self._counted(self._request)
        if count is None:
            return Checked(self._request)
        longest = max(count.tokens)
        room = self._context - self._reserve()
        if longest <= room:
            return self._answerable(self._request, count, 0, 0)
        if self._truncates:
            return await self._shortened(longest, room)
        raise too_long(self._request, longest, self._answer, self._context)

    async def _shortened(self, longest: int, room: int) -> Checked:
        """Without the fewest of the oldest turns that make it fit."""
        messages: Sequence[Mapping[str, Any]] = self._request.payload["messages"]
        turns = old_turns(messages)
        few, many = 0, len(turns)  # so many are too few, so many may do
        found = await self._without(messages, turns[:many])
        if found[1] is None or max(found[1].tokens) > room:
            few = many
        while many - few > 1:
            middle = (few + many) // 2
            tried = await self._without(messages, turns[:middle])
            if tried[1] is not None and max(tried[1].tokens) <= room:
                many, found = middle, tried
            else:
                few = middle
        shorter, count = found
        left = longest if count is None else max(count.tokens)
        if left >= self._context:
            raise too_long(shorter, left, self._answer, self._context)
        return self._answerable(shorter, count, sum(map(len, turns[:many])), longest - left)

    def _answerable(
        self, request: EngineRequest, count: PromptCount | None, messages: int, tokens: int
    ) -> Checked:
        """With an answer no longer than there is room, where cutting is allowed. messages, tokens: left out."""
        most = self._context - (max(count.tokens) if count is not None else 0)
        clamped = None
        if self._truncates and self._is_strict and self._answer is not None and self._answer > most:
            clamped = most
            name = "max_completion_tokens" if "max_completion_tokens" in request.payload else "max_tokens"
            request = replace(request, payload={**request.payload, name: most})
        dropped = Dropped(messages, tokens, clamped) if messages or clamped else None
        checked = Checked(request) if count is None else self._as_it_is(request, count)
        return replace(checked, dropped=dropped)

    async def _without(
        self, messages: Sequence[Mapping[str, Any]], turns: Sequence[Sequence[int]]
    ) -> tuple[EngineRequest, PromptCount | None]:
        payload = {**self._request.payload, "messages": without(messages, turns)}
        shorter = replace(self._request, payload=payload)
        return shorter, await self._counted(shorter)

    async def _counted(self, request: EngineRequest) -> PromptCount | None:
        """By the engine; what cannot fit by any vocabulary, and what must be cut and nobody counts, roughly."""
        size = text_bytes(request.payload)
        if size <= max(_LEAST_COUNTED_BYTES, _COUNTED_BYTES_PER_TOKEN * self._context):
            count = await _count(self._routes, request)
            if count is not None and (count.is_exact or not self._truncates):
                return count
        elif not self._truncates:
            return PromptCount((estimated_prompt_tokens(request.payload),), is_exact=False)
        return PromptCount((size // _BYTES_PER_TOKEN + 1,), is_exact=False) if self._truncates else None

    def _reserve(self) -> int:
        """Tokens kept for the answer. Where turns may go, they do not go for an answer of any length."""
        if not self._truncates:
            return (self._answer or 1) if self._is_strict else 1
        wanted = self._answer or min(_LEAST_ANSWER_TOKENS, self._context // 3)
        return min(wanted, self._context // 2)

    def _as_it_is(self, request: EngineRequest, count: PromptCount) -> Checked:
        is_exact = count.is_exact and not has_media(request.payload)
        return Checked(request, sum(count.tokens), is_exact)


async def _count(routes: Routes, request: EngineRequest) -> PromptCount | None:
    engine, own_name = routes.engines[routes.candidates[0].engine]
    if not isinstance(engine, CountsPrompts):
        return None
    try:
        return await engine.count_prompt(
            replace(request, payload={**request.payload, "model": own_name, "stream": False})
        )
    except EngineUnavailable:
        return None


def too_long(request: EngineRequest, prompt: int, answer: int | None, context: int) -> PromptTooLong:
    """The refusal, with all the numbers."""
    told = {
        "model": repr(str(request.payload.get("model"))),
        "prompt": prompt,
        "context": context,
        "over": prompt + (answer or 1) - context,
    }
    if prompt >= context:
        detail = Told("prompt_too_long", **told)
    else:
        detail = Told("answer_too_long", **told, answer=answer, most=context - prompt)
    return PromptTooLong(detail, param=_param(request))


def as_too_long(refusal: EngineRefused, request: EngineRequest, context: int | None) -> Exception:
    """What an engine itself says of a prompt that is too long, in our words; its other refusals as they are."""
    told = told_too_long(refusal.body) if refusal.status in (400, 413, 422, 500) else None
    if told is None:
        return refusal
    prompt, context = told.prompt_tokens, told.context_tokens or context
    if prompt is None or context is None:
        return PromptTooLong(param=_param(request))
    asked = request.payload.get("max_completion_tokens") or request.payload.get("max_tokens")
    return too_long(request, prompt, asked, context)


def _param(request: EngineRequest) -> str:
    return {"chat/completions": "messages", "completions": "prompt"}.get(request.route, "input")


def is_cut(checked: Checked, usage: Usage) -> bool:
    """Whether the engine read fewer tokens than there were: it cut the prompt and said nothing."""
    return checked.prompt_tokens is not None and 0 < usage.prompt_tokens < checked.prompt_tokens
