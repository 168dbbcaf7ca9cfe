"""Our own tools behind one port: arguments checked, what is wrong with them told by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from appliance.domain.data import AskedVia
from appliance.domain.origins import Origins
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest, NotFound
from appliance.ports.tools import Calling, OnStep, OwnTool, Tool, ToolResult, nobody_follows


class OwnTools:
    """Fulfils ports.tools.Tools with what there is in this box alone. attach() it before the first call.

    via: by which door its calls come.
    """

    def __init__(self, via: AskedVia) -> None:
        self._via = via
        self._tools: Mapping[str, OwnTool] = {}
        self._listed: tuple[Tool, ...] = ()

    def attach(self, tools: Mapping[str, OwnTool]) -> None:
        """Some tools ask pipelines, and pipelines call tools: they get to know each other here."""
        self._tools = tools
        self._listed = tuple(
            Tool(name, tool.description, tool.arguments.model_json_schema(), title=tool.title)
            for name, tool in tools.items()
        )

    async def listed(self, caller: Caller) -> Sequence[Tool]:
        """The same for everybody: what a call finds depends on who calls."""
        return self._listed

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
        """Nobody has to agree: they are the caller's own documents and data."""
        tool = self._tools.get(name)
        if tool is None:
            raise NotFound(
                f"There is no tool {name[:100]!r}. There are {', '.join(self._tools)}.", param="name"
            )
        try:
            asked = tool.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise wrong_arguments(error) from error
        return await tool.call(caller, asked, Calling(request_id, self._via, origins, on_step))


def wrong_arguments(error: ValidationError) -> InvalidRequest:
    """Which argument, and what of it; what was sent is not repeated."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    param = ".".join(str(part) for part in first["loc"]) or None
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return InvalidRequest(f"{param or 'The arguments'}: {first['msg']}.{more}", param=param)
