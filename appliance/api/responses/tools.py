"""Tools, the choice of a tool and the format of the text: from the Responses shape to that of a chat. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.api.responses.input_items import LONGEST_NAME, wrong
from appliance.errors import InvalidRequest

_MOST_TOOLS = 512
_CHOICES = ("none", "auto", "required")
_FUNCTION = ("name", "description", "parameters", "strict")
_VERBOSITIES = ("low", "medium", "high")


def read_tools(tools: object, choice: object) -> dict[str, Any]:
    """`tools` and `tool_choice` of a chat, as far as they were given. Raises InvalidRequest with `param`."""
    functions = _functions(tools)
    if choice is None or isinstance(choice, str):
        if choice is not None and choice not in _CHOICES:
            raise wrong("tool_choice", f"one of {', '.join(_CHOICES)}, or an object that names a function")
        if choice == "required" and not functions:
            raise InvalidRequest(
                "`tool_choice` is `required`, but there are no `tools`.", param="tool_choice"
            )
        chosen = {} if choice is None or not functions else {"tool_choice": choice}
    elif isinstance(choice, dict):
        functions, chosen = _chosen(functions, choice)
    else:
        raise wrong("tool_choice", "a string or an object")
    return {"tools": list(functions.values()), **chosen} if functions else {}


def _functions(tools: object) -> dict[str, Any]:
    if tools is None:
        return {}
    if not isinstance(tools, list) or len(tools) > _MOST_TOOLS:
        raise wrong("tools", f"a list of at most {_MOST_TOOLS} tools")
    functions: dict[str, Any] = {}
    for index, tool in enumerate(tools):
        function = _function(tool, f"tools[{index}]")
        if function["name"] in functions:
            raise InvalidRequest(
                f"There are two tools named {function['name']!r}.", param=f"tools[{index}].name"
            )
        functions[function["name"]] = {"type": "function", "function": function}
    return functions


def _function(tool: object, param: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise wrong(param, "an object with a `type`")
    if tool["type"] != "function":
        raise InvalidRequest(
            f"The tool {tool['type'][:80]!r} is not run by this appliance. Offer your own tools as `function`; "
            "`file_search` answers from documents.",
            param=f"{param}.type",
            code="unsupported_tool",
        )
    if isinstance(tool.get("function"), dict):
        raise InvalidRequest(
            f"`{param}` has the shape of /v1/chat/completions: here `name`, `description` and `parameters` stand "
            "beside `type`.",
            param=f"{param}.function",
        )
    name = tool.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise wrong(f"{param}.name", f"a string of 1 to {LONGEST_NAME} characters")
    if tool.get("parameters") is not None and not isinstance(tool["parameters"], dict):
        raise wrong(f"{param}.parameters", "a JSON schema")
    return {field: tool[field] for field in _FUNCTION if tool.get(field) is not None}


def _chosen(functions: dict[str, Any], choice: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if choice.get("type") == "function":
        name = _known(functions, choice.get("name"), "tool_choice.name")
        return functions, {"tool_choice": {"type": "function", "function": {"name": name}}}
    if choice.get("type") == "allowed_tools":
        allowed, mode = choice.get("tools"), choice.get("mode", "auto")
        if (
            not isinstance(allowed, list)
            or not allowed
            or not all(isinstance(tool, dict) for tool in allowed)
        ):
            raise wrong("tool_choice.tools", "a list of tools")
        if mode not in ("auto", "required"):
            raise wrong("tool_choice.mode", "`auto` or `required`")
        names = [
            _known(functions, tool.get("name"), f"tool_choice.tools[{index}].name")
            for index, tool in enumerate(allowed)
        ]
        return {name: functions[name] for name in names}, {"tool_choice": mode}
    raise InvalidRequest(
        f"`tool_choice` of type {str(choice.get('type'))[:80]!r} is not known here; it takes `function` and "
        "`allowed_tools`.",
        param="tool_choice.type",
    )


def _known(functions: Mapping[str, Any], name: object, param: str) -> str:
    if not isinstance(name, str) or name not in functions:
        raise InvalidRequest(f"`{param}`: there is no such function in `tools`.", param=param)
    return name


def read_text(text: object) -> dict[str, Any]:
    """`response_format` and `verbosity` of a chat, as far as they were given. Raises InvalidRequest with `param`."""
    if text is None:
        return {}
    if not isinstance(text, dict):
        raise wrong("text", "an object")
    verbosity = text.get("verbosity")
    if verbosity is not None and verbosity not in _VERBOSITIES:
        raise wrong("text.verbosity", f"one of {', '.join(_VERBOSITIES)}")
    told = {} if verbosity is None else {"verbosity": verbosity}
    return {**_response_format(text.get("format")), **told}


def _response_format(format_: object) -> dict[str, Any]:
    if format_ is None:
        return {}
    kind = format_.get("type") if isinstance(format_, dict) else None
    if kind == "text":
        return {}
    if kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    if kind != "json_schema" or not isinstance(format_, dict):
        raise wrong("text.format", "an object of type `text`, `json_object` or `json_schema`")
    if "json_schema" in format_:
        raise InvalidRequest(
            "`text.format` has the shape of /v1/chat/completions: here `name` and `schema` stand beside `type`.",
            param="text.format.json_schema",
        )
    if not isinstance(format_.get("name"), str) or not format_["name"]:
        raise wrong("text.format.name", "a name for the schema")
    if not isinstance(format_.get("schema"), dict):
        raise wrong("text.format.schema", "a JSON schema")
    fields = ("name", "description", "schema", "strict")
    schema = {field: format_[field] for field in fields if format_.get(field) is not None}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
