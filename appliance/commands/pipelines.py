"""`appliance pipeline …`: declared pipelines, over HTTP; `check` also without a running box, as far as that goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

pipeline = typer.Typer(
    help="List, check, run, save and roll back ways to answer that are declared in files.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="As `appliance pipeline list` names it.", metavar="NAME")]
VersionArgument = Annotated[int, typer.Argument(min=1, metavar="VERSION")]


@pipeline.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List the pipelines with how they stand; what is wrong with a file stands below it."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/pipelines"))
    lines: list[str] = []
    for one in found["data"]:
        version = "" if one["version"] is None else f"@{one['version']}"
        lines.append(f"{one['name']}{version}  {one['status']}")
        lines += [f"  {_line(one['file'], finding)}" for finding in one.get("findings", ())]
    show(found, as_json, "\n".join(lines) or "There are no pipelines.")


@pipeline.command("show")
def show_pipeline(
    name: NameArgument,
    version: Annotated[int | None, typer.Option(min=1, help="Without it: the file as it is.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Print the file of a pipeline, or a version of it."""
    path = f"/api/pipelines/{quote(name, safe='')}"
    if version is not None:
        path += f"/versions/{version}"
    found = talk(find_address(url, key, data), lambda api: api.get(path))
    show(found, as_json, found.get("text", ""))


@pipeline.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="FILE…")],
    offline: Annotated[
        bool, typer.Option("--offline", help="Only against the format; names are not looked up.")
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Tell everything that is wrong with these files, by line and column; the exit status is 1 if there is anything."""
    texts = {file: _text(file) for file in files}
    if offline:
        found = _check_offline(texts)
    else:
        found = talk(find_address(url, key, data), lambda api: _check_there(api, texts))
    lines = [_line(str(file), finding) for file, findings in found.items() for finding in findings]
    told = {str(file): findings for file, findings in found.items()}
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    show(told, as_json, "\n".join(lines) or f"{count} checked, nothing is wrong.")
    if lines:
        raise typer.Exit(1)


@pipeline.command("run")
def run(
    name: NameArgument,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", help="A value, such as question='…' or days=3.", metavar="NAME=VALUE"),
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Tell what each step did.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Run a pipeline and print its result; --json prints all of it with its steps."""
    inputs = dict(_input(one) for one in given or ())

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = f"/api/pipelines/{quote(name, safe='')}"
        declared = (await api.get(path))["inputs"]
        body = {"inputs": {key: _typed(value, declared.get(key)) for key, value in inputs.items()}}
        return await api.post(f"{path}/run", {**body, "steps": as_json})

    found = talk(find_address(url, key, data), work)
    lines = [found["text"]]
    if steps:
        lines += ["", *(_step(one) for one in found["steps"]), f"by {found['pipeline']}"]
    show(found, as_json, "\n".join(lines))


@pipeline.command("save")
def save(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="NAME.yaml")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Put a file into the box's folder of pipelines; nothing is saved while anything is wrong with it."""
    text, name = _text(file), file.name.removesuffix(".yaml")

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = f"/api/pipelines/{quote(name, safe='')}"
        wrong = (await api.post(f"{path}/check", {"text": text}))["findings"]
        if wrong:
            raise CommandFailed("\n".join(_line(str(file), finding) for finding in wrong))
        return await api.put(path, {"text": text})

    saved = talk(find_address(url, key, data), work)
    show(saved, as_json, f"Saved {saved['name']}@{saved['version']}: {saved['status']}.")


@pipeline.command("history")
def history(
    name: NameArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """List the versions that were accepted, the latest first."""
    path = f"/api/pipelines/{quote(name, safe='')}/versions"
    found = talk(find_address(url, key, data), lambda api: api.get(path))
    lines = [
        f"{one['name']}@{one['version']}  {one['saved_at']}  {one['via']}  {one['saved_by'] or ''}".rstrip()
        for one in found["data"]
    ]
    show(found, as_json, "\n".join(lines) or "No version was accepted yet.")


@pipeline.command("diff")
def difference(
    name: NameArgument,
    before: VersionArgument,
    after: VersionArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Tell what one version has otherwise than another."""
    path = f"/api/pipelines/{quote(name, safe='')}/difference?before={before}&after={after}"
    found = talk(find_address(url, key, data), lambda api: api.get(path))
    show(found, as_json, "\n".join(found["lines"]) or "They are the same.")


@pipeline.command("rollback")
def roll_back(
    name: NameArgument,
    version: VersionArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Write an older version into the file again."""
    path = f"/api/pipelines/{quote(name, safe='')}/rollback"
    made = talk(find_address(url, key, data), lambda api: api.post(path, {"version": version}))
    show(made, as_json, f"{name} is as it was in version {version}; that is now {name}@{made['version']}.")


@pipeline.command("remove")
def remove(
    name: NameArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take the file away; its versions stay, and one that came with the appliance is as it came."""
    talk(find_address(url, key, data), lambda api: api.delete(f"/api/pipelines/{quote(name, safe='')}"))
    show({"name": name, "removed": True}, as_json, f"Removed {name}.yaml.")


@pipeline.command("reference")
def reference() -> None:
    """Print the format of a file as Markdown."""
    from appliance.commands.pipeline_reference import reference as made

    typer.echo(made(), nl=False)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} cannot be read as UTF-8 text: {error}.") from error


def _check_offline(texts: dict[Path, str]) -> dict[Path, list[dict[str, Any]]]:
    """Against the format, against themselves and against each other."""
    from appliance.pipelines import PIPELINES
    from appliance.pipelines.declared.files import SHIPPED
    from appliance.pipelines.declared.reading import checked, parse
    from appliance.pipelines.declared.schema import CallStep
    from appliance.pipelines.declared.surroundings import Surroundings

    parsed = {file: parse(text, file.name) for file, text in texts.items()}
    shipped = [parse(file.read_text(encoding="utf-8"), file.name) for file in sorted(SHIPPED.glob("*.yaml"))]
    known = {one.name: one.file for one in (*shipped, *parsed.values())}
    # what a called pipeline that is not among these files would need, nobody knows here
    called = {
        step.pipeline: None
        for one in parsed.values()
        if one.file is not None
        for step in one.file.steps
        if isinstance(step, CallStep) and step.pipeline
    }
    around = Surroundings(
        pipelines={**called, **dict.fromkeys(PIPELINES), **known}, built_in=frozenset(PIPELINES)
    )
    return {
        file: [
            {"line": wrong.line, "column": wrong.column, "code": wrong.code, "message": wrong.sentence}
            for wrong in checked(one, around)
        ]
        for file, one in parsed.items()
    }


async def _check_there(api: ApiClient, texts: dict[Path, str]) -> dict[Path, list[dict[str, Any]]]:
    found: dict[Path, list[dict[str, Any]]] = {}
    for file, text in texts.items():
        name = file.name.removesuffix(".yaml")
        answer = await api.post(f"/api/pipelines/{quote(name, safe='')}/check", {"text": text})
        found[file] = answer["findings"]
    return found


def _line(file: str, finding: dict[str, Any]) -> str:
    return f"{file}:{finding['line']}:{finding['column']}: {finding['message']}"


def _input(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise CommandFailed(f"{given!r} is no input. Write NAME=VALUE, such as question='How many days?'.")
    return name, value


def _typed(value: str, declared: dict[str, Any] | None) -> Any:  # noqa: ANN401 - any JSON scalar
    if declared is None or declared["type"] not in ("integer", "number", "boolean"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # the box says what it should be


def _step(one: dict[str, Any]) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in one["figures"].items())
    error = f" ({one['error']})" if one["error"] else ""
    how = f"{one['outcome']}{error}, {one['took_ms']:.0f} ms"
    return f"{one['number']}. {one['name']} ({one['kind']}): {how}  {figures}".rstrip()
