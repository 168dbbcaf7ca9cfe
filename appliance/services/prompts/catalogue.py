"""The catalogue of prompts: what there is, saved versions, what changed between two, and which one is in force.

Administrators change, auditors read. A version that was saved never changes; what is in force can be any of them, or
the shipped words. Every change counts in this process at once and in the others within seconds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.domain.people import AccountEvent, Caller, Language
from appliance.domain.prompts import (
    SHIPPED,
    ChangedLines,
    PromptFigures,
    PromptVersion,
    PromptWords,
    Purpose,
)
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound
from appliance.services.accounts.people import require_admin, require_reader
from appliance.services.prompts.following import FollowedPrompts
from appliance.services.prompts.ports import PromptRepository

LONGEST_TEXT = 12_000
MOST_EXAMPLES = 8
LONGEST_EXAMPLE = 4_000
LONGEST_NOTE = 500
_MOST_VERSIONS = 200
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_LANGUAGES: tuple[Language, ...] = ("en", "es")


@dataclass(frozen=True, slots=True)
class Kept:
    """A purpose as it stands. shipped None: an administrator made it. number: in force now."""

    name: str
    shipped: Purpose | None
    number: int
    words: PromptWords
    versions: int


class PromptCatalogue:
    """model_names: every model that can be asked for by somebody. now: an aware moment."""

    def __init__(
        self,
        purposes: Mapping[str, Purpose],
        repository: PromptRepository,
        followed: FollowedPrompts,
        model_names: Callable[[], Set[str]],
        now: Callable[[], datetime],
    ) -> None:
        self._purposes = purposes
        self._repository = repository
        self._followed = followed
        self._model_names = model_names
        self._now = now

    async def all(self, caller: Caller) -> Sequence[Kept]:
        """Shipped ones in their order, then those that administrators made."""
        require_reader(caller)
        own = [name for name in await self._repository.purposes() if name not in self._purposes]
        return [await self._kept(name) for name in (*self._purposes, *own)]

    async def versions(self, caller: Caller, purpose: str) -> Sequence[PromptVersion]:
        """The latest first, and the shipped one last. Raises NotFound."""
        require_reader(caller)
        saved = list(await self._repository.versions(purpose, _MOST_VERSIONS))
        shipped = self._purposes.get(purpose)
        if shipped is None and not saved:
            raise _unknown(purpose)
        return [*saved, *([] if shipped is None else [PromptVersion(purpose, SHIPPED, shipped.shipped)])]

    async def version(self, caller: Caller, purpose: str, number: int) -> PromptVersion:
        """Raises NotFound."""
        require_reader(caller)
        return await self._version(purpose, number)

    async def save(
        self, caller: Caller, purpose: str, words: PromptWords, note: str, *, in_force: bool
    ) -> PromptVersion:
        """A new version; in_force: from now on it is used. Raises NotPermitted, InvalidRequest."""
        require_admin(caller)
        self._check(purpose, words, note)
        detail = {"purpose": purpose, "note": note} if note else {"purpose": purpose}
        event = AccountEvent("prompt.saved", caller.user_id, detail=detail)
        saved = await self._repository.add(PromptVersion(purpose, 0, words, note), caller.user_id, event)
        if in_force:
            await self.put_in_force(caller, purpose, saved.number)
        return saved

    async def put_in_force(self, caller: Caller, purpose: str, number: int) -> None:
        """Also the way back to an older version, or to the shipped one. Raises NotPermitted, NotFound."""
        require_admin(caller)
        await self._version(purpose, number)
        before = self._followed.number(purpose)
        event = AccountEvent(
            "prompt.in_force",
            caller.user_id,
            detail={"purpose": purpose, "version": number, "before": before},
        )
        await self._repository.put_in_force(purpose, number, caller.user_id, event)
        await self._followed.read()

    async def difference(self, caller: Caller, purpose: str, before: int, after: int) -> ChangedLines:
        """What `after` has otherwise than `before`. Raises NotFound."""
        require_reader(caller)
        old, new = await self._version(purpose, before), await self._version(purpose, after)
        return changed(old.words, new.words)

    async def figures(self, caller: Caller, purpose: str, days: int) -> Sequence[PromptFigures]:
        """How each version did in the last days; those that never answered are left out. Raises NotFound."""
        numbers = [version.number for version in await self.versions(caller, purpose)]
        since = self._now() - timedelta(days=days)
        return await self._repository.figures(caller.viewer, purpose, numbers, since)

    async def _kept(self, name: str) -> Kept:
        number = self._followed.number(name)
        version = await self._version(name, number)
        saved = await self._repository.versions(name, 1)
        return Kept(name, self._purposes.get(name), number, version.words, saved[0].number if saved else 0)

    async def _version(self, purpose: str, number: int) -> PromptVersion:
        shipped = self._purposes.get(purpose)
        if number == SHIPPED and shipped is not None:
            return PromptVersion(purpose, SHIPPED, shipped.shipped)
        found = await self._repository.version(purpose, number)
        if found is None and number == SHIPPED and (latest := await self._repository.versions(purpose, 1)):
            return latest[0]  # an administrator's own purpose, of which none is in force yet
        if found is None:
            raise NotFound(f"There is no version {number} of the prompt {purpose!r}.")
        return found

    def _check(self, purpose: str, words: PromptWords, note: str) -> None:
        if not _NAME.fullmatch(purpose):
            raise InvalidRequest(Told("prompt_name_wrong"), param="purpose")
        if len(note) > LONGEST_NOTE:
            raise InvalidRequest(Told("prompt_note_long", most=LONGEST_NOTE), param="note")
        if not any(words.texts.get(language, "").strip() for language in _LANGUAGES):
            raise InvalidRequest(Told("prompt_empty"), param="texts")
        shipped = self._purposes.get(purpose)
        for language, text in words.texts.items():
            if len(text) > LONGEST_TEXT:
                raise InvalidRequest(Told("prompt_long", most=LONGEST_TEXT), param=f"texts.{language}")
            missing = [mark for mark in shipped.must_hold if mark not in text] if shipped and text else []
            if missing:
                raise InvalidRequest(Told("prompt_lacks", mark=missing[0]), param=f"texts.{language}")
            if shipped and not text.strip():
                raise InvalidRequest(Told("prompt_empty"), param=f"texts.{language}")
        if shipped and set(words.texts) != set(_LANGUAGES):
            raise InvalidRequest(Told("prompt_both_languages"), param="texts")
        self._check_settings(shipped, words)

    def _check_settings(self, shipped: Purpose | None, words: PromptWords) -> None:
        for language, examples in words.examples.items():
            if examples and shipped and not shipped.takes_examples:
                raise InvalidRequest(Told("prompt_no_examples"), param=f"examples.{language}")
            if len(examples) > MOST_EXAMPLES:
                raise InvalidRequest(
                    Told("prompt_examples_most", most=MOST_EXAMPLES), param=f"examples.{language}"
                )
            if any(not said.strip() or len(said) > LONGEST_EXAMPLE for one in examples for said in one):
                raise InvalidRequest(
                    Told("prompt_example_wrong", most=LONGEST_EXAMPLE), param=f"examples.{language}"
                )
        if words.temperature is not None:
            if shipped and not shipped.takes_temperature:
                raise InvalidRequest(Told("prompt_no_temperature"), param="temperature")
            if not 0 <= words.temperature <= 2:
                raise InvalidRequest(Told("prompt_temperature_wrong"), param="temperature")
        if words.model:
            if shipped and not shipped.takes_model:
                raise InvalidRequest(Told("prompt_no_model"), param="model")
            known = self._model_names()
            if words.model not in known:
                near = difflib.get_close_matches(words.model, sorted(known), 3) or sorted(known)[:5]
                told = Told("prompt_model_unknown", model=words.model, known=", ".join(near) or "–")
                raise InvalidRequest(told, param="model")


def changed(before: PromptWords, after: PromptWords) -> ChangedLines:
    """Line by line, in each language that differs; the settings as they are shown, before and after. Pure."""
    lines: dict[Language, tuple[str, ...]] = {}
    for language in _LANGUAGES:
        old, new = _as_lines(before, language), _as_lines(after, language)
        if old != new:
            differing = difflib.unified_diff(old, new, lineterm="", n=2)
            lines[language] = tuple(line for line in differing if not line.startswith(("---", "+++")))
    pairs = {
        "temperature": (_shown(before.temperature), _shown(after.temperature)),
        "model": (before.model, after.model),
    }
    return ChangedLines(lines, {name: pair for name, pair in pairs.items() if pair[0] != pair[1]})


def _as_lines(words: PromptWords, language: Language) -> list[str]:
    """A sentence a line, so that a changed one is seen; then the examples."""
    text = re.sub(r"(?<=[.:?!])\s+", "\n", words.texts.get(language, ""))
    examples = words.examples.get(language, ())
    return [
        *text.splitlines(),
        *(line for asked, answered in examples for line in (f"» {asked}", f"« {answered}")),
    ]


def _shown(temperature: float | None) -> str:
    return "" if temperature is None else format(temperature, "g")


def _unknown(purpose: str) -> NotFound:
    return NotFound(f"There is no prompt {purpose!r}. GET /api/prompts names all.")
