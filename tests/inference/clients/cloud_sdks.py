"""The providers' own SDKs against the stand-in cloud. Run by test_fake_cloud_sdks.py in an environment that has them.

Reads {provider: {url, key, model}} from stdin, prints what each SDK made of the answers.
"""

from __future__ import annotations

import json
import sys
from typing import Any

TOOL = {
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ASKED = [{"role": "user", "content": "One two three"}]


def by_openai(client: Any, model: str) -> dict[str, Any]:
    """What OpenAI's SDK makes of a cloud at any address."""
    import openai

    streamed = client.chat.completions.create(
        model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(streamed)
    tools = [{"type": "function", "function": TOOL}]
    called = (
        client.chat.completions.create(model=model, messages=ASKED, tools=tools)
        .choices[0]
        .message.tool_calls[0]
    )
    whole = client.chat.completions.create(model=model, messages=ASKED, max_completion_tokens=2)
    errors = {}
    for name, asked, kind in (
        ("key", client.with_options(api_key="sk-wrong-0123456789"), openai.AuthenticationError),
        ("model", client, openai.NotFoundError),
    ):
        try:
            asked.chat.completions.create(model=model if name == "key" else "no-such", messages=ASKED)
        except kind as error:
            errors[name] = type(error).__name__
    return {
        "text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "used": chunks[-1].usage.completion_tokens,
        "whole": [
            whole.choices[0].message.content,
            whole.choices[0].finish_reason,
            whole.usage.completion_tokens,
        ],
        "tool": [called.function.name, json.loads(called.function.arguments)],
        "errors": errors,
    }


def openai_itself(told: Any) -> dict[str, Any]:
    """OpenAI."""
    import openai

    client = openai.OpenAI(base_url=told["url"] + "/v1", api_key=told["key"], max_retries=0)
    seen = by_openai(client, told["model"])
    seen["models"] = [one.id for one in client.models.list()]
    return seen


def azure(told: Any) -> dict[str, Any]:
    """Azure, by its deployments."""
    import openai

    client = openai.AzureOpenAI(
        azure_endpoint=told["url"], api_key=told["key"], api_version="2024-10-21", max_retries=0
    )
    return by_openai(client, told["model"])


def anthropic(told: Any) -> dict[str, Any]:
    """Anthropic's Messages."""
    import anthropic as sdk

    client = sdk.Anthropic(base_url=told["url"], api_key=told["key"], max_retries=0)
    asked = {"model": told["model"], "messages": ASKED}
    whole = client.messages.create(max_tokens=2, **asked)
    with client.messages.stream(max_tokens=100, **asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
    called = client.messages.create(max_tokens=100, tools=[tool], **asked)
    errors = {}
    try:
        client.with_options(api_key="sk-wrong").messages.create(max_tokens=2, **asked)
    except sdk.AuthenticationError as error:
        errors["key"] = type(error).__name__
    try:
        client.messages.create(max_tokens=2, model="no-such", messages=ASKED)
    except sdk.NotFoundError as error:
        errors["model"] = type(error).__name__
    return {
        "text": text,
        "used": final.usage.output_tokens,
        "whole": [whole.content[0].text, whole.stop_reason, whole.usage.output_tokens],
        "tool": [called.content[0].name, called.content[0].input],
        "errors": errors,
        "models": [one.id for one in client.models.list()],
    }


def google(told: Any) -> dict[str, Any]:
    """Google's generateContent."""
    from google import genai
    from google.genai import errors as told_errors
    from google.genai import types

    def client_with(key: str) -> Any:
        return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=told["url"]))

    client = client_with(told["key"])
    ask = {"model": told["model"], "contents": "One two three"}
    whole = client.models.generate_content(**ask, config=types.GenerateContentConfig(max_output_tokens=2))
    pieces = list(client.models.generate_content_stream(**ask))
    tools = [types.Tool(function_declarations=[types.FunctionDeclaration(**TOOL)])]
    manual = types.AutomaticFunctionCallingConfig(disable=True)
    called = client.models.generate_content(
        **ask, config=types.GenerateContentConfig(tools=tools, automatic_function_calling=manual)
    ).function_calls[0]
    errors = {}
    stranger = client_with("wrong")  # kept: it closes its connections when nobody holds it
    try:
        stranger.models.generate_content(**ask)
    except told_errors.ClientError as error:
        errors["key"] = f"{error.code} {error.status}"
    try:
        client.models.generate_content(model="no-such", contents="x")
    except told_errors.ClientError as error:
        errors["model"] = f"{error.code} {error.status}"
    return {
        "text": "".join(piece.text or "" for piece in pieces),
        "used": pieces[-1].usage_metadata.candidates_token_count,
        "whole": [
            whole.text,
            whole.candidates[0].finish_reason.name,
            whole.usage_metadata.candidates_token_count,
        ],
        "tool": [called.name, dict(called.args)],
        "errors": errors,
        "models": [one.name for one in client.models.list()],
    }


def mistral(told: Any) -> dict[str, Any]:
    """Mistral."""
    from mistralai.client import Mistral
    from mistralai.client import errors as sdk_errors

    def client_with(key: str) -> Any:
        return Mistral(api_key=key, server_url=told["url"])

    client = client_with(told["key"])
    ask = {"model": told["model"], "messages": ASKED}
    whole = client.chat.complete(**ask, max_tokens=2)
    chunks = [event.data for event in client.chat.stream(**ask)]
    tools = [{"type": "function", "function": TOOL}]
    called = client.chat.complete(**ask, tools=tools).choices[0].message.tool_calls[0].function
    arguments = called.arguments if isinstance(called.arguments, dict) else json.loads(called.arguments)
    errors = {}
    try:
        client_with("wrong").chat.complete(**ask)
    except sdk_errors.SDKError as error:
        errors["key"] = str(error.raw_response.status_code)
    try:
        client.chat.complete(model="no-such", messages=ASKED)
    except sdk_errors.SDKError as error:
        errors["model"] = str(error.raw_response.status_code)
    return {
        "text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        "used": chunks[-1].usage.completion_tokens,
        "whole": [
            whole.choices[0].message.content,
            whole.choices[0].finish_reason,
            whole.usage.completion_tokens,
        ],
        "tool": [called.name, arguments],
        "errors": errors,
        "models": [one.id for one in client.models.list().data],
    }


SDKS = {"openai": openai_itself, "azure": azure, "anthropic": anthropic, "google": google, "mistral": mistral}

given = json.load(sys.stdin)
json.dump({name: SDKS[name](told) for name, told in given.items()}, sys.stdout)
