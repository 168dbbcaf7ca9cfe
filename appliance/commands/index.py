"""`appliance index …`: which embedding model is searched with, how far another one is, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from appliance.commands.client import find_address, show, talk
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

index = typer.Typer(
    help="The embedding model of the index: look, make it again, go over.", no_args_is_help=True
)


@index.command()
def status(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """Say which model is searched with, and how far another one is."""
    told = talk(find_address(url, key, data), lambda api: api.get("/api/index"))
    show(told, as_json, "\n".join(lines(told)))


@index.command()
def rebuild(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """Make all vectors of the present model again, in the background; search goes on."""
    told = talk(find_address(url, key, data), lambda api: api.post("/api/index/rebuild", {}))
    show(told, as_json, "\n".join(lines(told)))


@index.command()
def switch(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """Go over to the model that is being built, as soon as every passage has its vector."""
    told = talk(find_address(url, key, data), lambda api: api.post("/api/index/switch", {}))
    show(told, as_json, "\n".join(lines(told)))


@index.command()
def use(
    model: Annotated[str, typer.Argument(help="A model of `appliance model list`, or built-in.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Search with another embedding model: its vectors are made in the background, and search goes on."""
    body = {"model": "" if model == "built-in" else model}
    told = talk(find_address(url, key, data), lambda api: api.put("/api/models/library/search", body))
    show(told, as_json, "The index follows: `appliance index status`.")


def lines(told: dict[str, Any]) -> Iterator[str]:
    """What `/api/index` tells, for people."""
    if not told["models"]:
        yield "The index has no vectors yet."
    for model in told["models"]:
        yield f"{model['state']:<10} {model['id']} ({model['dimension']} dimensions){_share(model)}"
        if model["problem"]:
            yield f"           waits: {model['problem']}"
        for one in model.get("collections", []):
            if one["done"] < one["chunks"]:
                yield f"           collection {one['id']}: {one['done']} of {one['chunks']} passages"
    for served in told["served"]:
        if served["problem"]:
            yield f"{served['name']}: {served['problem']}"
    if told["problem"]:
        yield told["problem"]
    if told["switch"] == "by_hand" and any(model["state"] == "building" for model in told["models"]):
        yield "Search goes over upon `appliance index switch` (embedding.switch is by_hand)."


def _share(model: dict[str, Any]) -> str:
    if not model.get("chunks"):
        return ""
    return f": {model['done']} of {model['chunks']} passages, {model['done'] / model['chunks']:.0%}"
