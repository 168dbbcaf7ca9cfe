"""Our own tools and those of others behind one port, each call with its permissions, its consent and its audit line.

A tool of others is called only when an administrator approved it as it is now, its server was granted to the caller,
its arguments fit and may be told to that server, and the caller agreed. What comes back is hostile text.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from appliance.domain.answers import ConsentAsked
from appliance.domain.data import AskedVia
from appliance.domain.origins import Origins, collections_in, of_tool, without_tool
from appliance.domain.people import Caller
from appliance.domain.tools import CallOutcome, ToolCall, UsableTool
from appliance.errors import (
    ApplianceError,
    InvalidRequest,
    NotFound,
    ToolDeclined,
    ToolNeedsConsent,
    ToolStays,
)
from appliance.ports.tools import OnStep, Tool, ToolResult, Tools, nobody_follows
from appliance.services.tools.consent import Consents
from appliance.services.tools.ports import LeavingFacts, Strangers, ToolUse
from appliance.services.tools.staying import SENTENCES, StayReason, texts_of, why_stay
from inference.errors import EgressRefused
from inference.mcp.schemas import objection
from inference.personal_data.detector import Detector

_MOST_ARGUMENT_BYTES = 32 * 1024
_SHOWN_CHARACTERS = 1_500
_OUTSIDE = "This server lies outside of the company's network."


@dataclass(slots=True)
class _Line:
    """What the audit will say of a call; filled in as it goes."""

    server: str
    tool: str
    outcome: CallOutcome = "failed"
    consent: str = ""
    result_bytes: int = 0
    began: float = field(default_factory=time.perf_counter)


class SharedTools:
    """Fulfils ports.tools.Tools. own: in this box alone. via: the door its calls come by.

    offers_strangers: whether tools of others are listed and called here; not for MCP clients, who have their own.
    """

    def __init__(
        self,
        own: Tools,
        use: ToolUse,
        strangers: Strangers,
        consents: Consents,
        leaving: LeavingFacts,
        detector: Detector,
        *,
        via: AskedVia,
        offers_strangers: bool,
    ) -> None:
        self._own, self._use, self._strangers = own, use, strangers
        self._consents, self._leaving, self._detector = consents, leaving, detector
        self._via, self._offers_strangers = via, offers_strangers

    async def listed(self, caller: Caller) -> Sequence[Tool]:
        """Our own, then those of others that may be called for the caller, named `SERVER.TOOL`."""
        own = await self._own.listed(caller)
        if not self._offers_strangers:
            return own
        usable = await self._use.usable(caller.viewer)
        return [*own, *(_as_tool(one) for one in usable if one.consent != "never")]

    async def call(
        self,
        caller: Caller,
        name: str,
        arguments: Mapping[str, Any],
        request_id: str,
        origins: Origins,
        *,
        on_step: OnStep = nobody_follows,
        allowed: Sequence[str] = (),
        may_ask: bool = False,
    ) -> ToolResult:
        packed = orjson.dumps(dict(arguments), default=str)
        server, dot, tool = name.partition(".")
        line = _Line(server, tool) if dot else _Line("", name)
        try:
            if not dot:
                result = await self._own.call(caller, name, arguments, request_id, origins, on_step=on_step)
            elif not self._offers_strangers:
                raise NotFound(f"There is no tool {name[:100]!r}.", param="name")
            else:
                told = _Told(
                    caller, name, dict(arguments), packed, request_id, origins, on_step, allowed, may_ask
                )
                result = await self._strange(told, line)
            line.outcome, line.result_bytes = (
                ("failed" if result.is_error else "done"),
                len(result.text.encode()),
            )
            return result
        except asyncio.CancelledError:
            line.outcome = "given_up"
            raise
        except (ToolNeedsConsent, ToolDeclined):
            line.outcome = "no_consent"
            raise
        except (ToolStays, EgressRefused):
            line.outcome = "stayed"
            raise
        except ApplianceError:
            line.outcome = "refused"
            raise
        finally:
            await self._note(caller, line, packed, request_id)

    async def _strange(self, told: _Told, line: _Line) -> ToolResult:
        usable = await self._usable(told.caller, told.name)
        if len(told.packed) > _MOST_ARGUMENT_BYTES:
            raise InvalidRequest(
                f"The arguments have more than {_MOST_ARGUMENT_BYTES // 1024} KiB.", param="arguments"
            )
        if wrong := objection(usable.tool.input_schema, told.arguments):
            raise InvalidRequest(wrong, param="arguments")
        if reason := await self._stay_reason(told, usable):
            raise ToolStays(SENTENCES[reason])
        line.consent = await self._consent(told, usable)
        if line.consent in ("asked_once", "asked_always"):
            await self._require_unchanged(told, usable)
        outcome = await self._strangers.call(
            usable.server, usable.tool.name, told.arguments, told.caller.email, told.request_id
        )
        notes = [f"({kind} was left out)" for kind in outcome.dropped]
        if outcome.was_cut:
            notes.append("(the rest was cut)")
        text = "\n".join((outcome.text, *notes)).strip()
        made_from = None if told.origins is None else told.origins | {of_tool(usable.server.id)}
        return ToolResult(text, outcome.is_error, made_from)

    async def _usable(self, caller: Caller, name: str) -> UsableTool:
        for one in await self._use.usable(caller.viewer):
            if one.full_name == name:
                return one
        raise NotFound(
            f"There is no tool {name[:100]!r} that may be called for you; an administrator has to approve it.",
            param="name",
        )

    async def _require_unchanged(self, told: _Told, usable: UsableTool) -> None:
        """While somebody thought about it, it may have been changed, paused or taken away."""
        now = await self._usable(told.caller, told.name)
        if (now.server.id, now.tool.fingerprint) != (usable.server.id, usable.tool.fingerprint):
            raise NotFound(f"The tool {told.name!r} has changed meanwhile.", param="name")

    async def _stay_reason(self, told: _Told, usable: UsableTool) -> StayReason | None:
        server, facts = usable.server, None
        if server.is_outside:
            concerned = collections_in(without_tool(told.origins, server.id)) or ()
            facts = await self._leaving.facts(told.caller, sorted(concerned))
        if reason := why_stay(server, told.caller, told.origins, facts):
            return reason
        if not server.is_outside:
            return None
        try:
            found = await asyncio.to_thread(self._finds, told.arguments)
        except Exception:
            return "detector_failed"
        return "personal_data" if found else None

    def _finds(self, arguments: Mapping[str, Any]) -> bool:
        return any(self._detector.find(text) for text in texts_of(arguments))

    async def _consent(self, told: _Told, usable: UsableTool) -> str:
        """How it was agreed to. Raises ToolDeclined, ToolNeedsConsent."""
        if usable.consent == "never":
            raise ToolDeclined
        if usable.consent == "always":
            return "kept"
        if usable.tool.is_preapproved:
            return "preapproved"
        if told.name in told.allowed or f"{usable.server.name}.*" in told.allowed:
            return "request"
        if not told.may_ask:
            raise ToolNeedsConsent(f"({told.name})")

        async def tell(ask_id: str) -> None:
            await told.on_step(
                ConsentAsked(
                    ask_id,
                    told.name,
                    usable.tool.title or usable.tool.name,
                    usable.server.url,
                    usable.server.is_outside,
                    shown_arguments(told.arguments),
                    self._consents.patience_s,
                )
            )

        said = await self._consents.asked(told.caller, usable, tell)
        if said is None:
            raise ToolNeedsConsent(f"({told.name}: nobody answered.)")
        if said == "never":
            raise ToolDeclined
        return f"asked_{said}"

    async def _note(self, caller: Caller, line: _Line, packed: bytes, request_id: str) -> None:
        call = ToolCall(
            self._via,
            line.server[:64],
            line.tool,
            line.outcome,
            round((time.perf_counter() - line.began) * 1000),
            len(packed),
            hashlib.sha256(packed).hexdigest(),
            line.result_bytes,
            request_id,
            line.consent,
        )
        # Also of a call that is given up: the task's cancellation waits for its line.
        await asyncio.shield(self._use.note(caller.viewer, call))


@dataclass(frozen=True, slots=True)
class _Told:
    """One call of a tool of others."""

    caller: Caller
    name: str
    arguments: dict[str, Any]
    packed: bytes
    request_id: str
    origins: Origins
    on_step: OnStep
    allowed: Sequence[str]
    may_ask: bool


def shown_arguments(arguments: Mapping[str, Any]) -> str:
    """As people are shown them before they agree, and afterwards."""
    shown = orjson.dumps(dict(arguments), default=str, option=orjson.OPT_INDENT_2).decode()
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"


def _as_tool(usable: UsableTool) -> Tool:
    agreed = usable.consent == "always" or usable.tool.is_preapproved
    return Tool(
        usable.full_name,
        usable.tool.description,
        usable.tool.input_schema,
        usable.server.name,
        not agreed,
        usable.tool.says_read_only and usable.tool.is_preapproved,
        usable.tool.title,
        usable.server.url,
    )
