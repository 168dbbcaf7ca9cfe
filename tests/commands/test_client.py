"""The command line's frame: where the appliance is, how refusals are said, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from appliance import __version__
from appliance.commands.client import Address, ApiClient, find_address, talk
from appliance.commands.entry import run
from appliance.commands.failures import EXIT_UNREACHABLE, CommandFailed


def _credentials(data: Path, **values: str) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    (data / "credentials.json").write_text(json.dumps(values), encoding="utf-8")
    return data


def test_the_address_comes_from_the_data_folder(tmp_path: Path) -> None:
    """On the appliance's own machine nothing has to be typed."""
    data = _credentials(tmp_path, url="http://127.0.0.1:8080", api_key="k")

    assert find_address(None, None, data) == Address("http://127.0.0.1:8080", "k")


def test_what_is_typed_counts_more(tmp_path: Path) -> None:
    """--url may end in /v1 as the SDK's does; --key replaces the one in the file."""
    data = _credentials(tmp_path, url="http://127.0.0.1:8080", api_key="k")

    assert find_address("http://box:1/v1/", "mine", data) == Address("http://box:1", "mine")
    assert find_address(None, "mine", data) == Address("http://127.0.0.1:8080", "mine")


def test_a_key_is_never_sent_to_another_appliance(tmp_path: Path) -> None:
    """The key of this machine's appliance is not tried on the one that --url names."""
    data = _credentials(tmp_path, url="http://127.0.0.1:8080", api_key="k")

    with pytest.raises(CommandFailed, match="--key"):
        find_address("http://elsewhere:8080", None, data)


def test_inside_a_container_the_gateway_is_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address for people is not asked; the box's own key goes there, and an address that is given comes first."""
    (tmp_path / "credentials.json").write_text('{"url": "https://box.lan", "api_key": "k"}', encoding="utf-8")
    monkeypatch.setenv("APPLIANCE_LOCAL_URL", "http://127.0.0.1:8080")

    assert find_address(None, None, tmp_path) == Address("http://127.0.0.1:8080", "k")
    assert find_address("https://box.lan", None, tmp_path) == Address("https://box.lan", "k")
    with pytest.raises(CommandFailed, match="no key"):
        find_address("http://elsewhere:8080", None, tmp_path)


def test_no_address_at_all_names_the_ways_out(tmp_path: Path) -> None:
    """Neither options nor a file: the message names all three options."""
    with pytest.raises(CommandFailed, match=r"--url.*--key.*--data"):
        find_address(None, None, tmp_path)


def test_an_appliance_that_does_not_run_has_its_own_exit_code() -> None:
    """Nothing listens: exit code 3 and what to start."""

    async def ask(api: ApiClient) -> object:
        return await api.get("/v1/models")

    with pytest.raises(CommandFailed, match="appliance up") as failed:
        talk(Address("http://127.0.0.1:9", "k"), ask)

    assert failed.value.exit_code == EXIT_UNREACHABLE


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    """A client of a small server that refuses, uploads and streams."""
    import aiohttp

    async def refuse(request: web.Request) -> web.Response:
        body = {"error": {"message": "There is no model x.", "param": "model", "code": "model_not_found"}}
        return web.json_response(body, status=404)

    async def upload(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        return web.json_response(
            {"name": file.filename, "size": len(file.file.read()), "purpose": form["purpose"]}
        )

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        ending = b"data: [DONE]\n\n"
        if "break" in request.query:
            ending = b'data: {"error": {"message": "The engine stopped."}}\n\n'
        await response.write(b': queue position=1\n\ndata: {"n": 1}\n\nda')
        await response.write(b'ta: {"n": 2}\n\n' + ending)
        return response

    application = web.Application()
    application.router.add_get("/refused", refuse)
    application.router.add_post("/v1/files", upload)
    application.router.add_post("/stream", stream)
    async with TestServer(application) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield ApiClient(session)


async def test_a_refusal_is_said_in_the_servers_words(api: ApiClient) -> None:
    """The sentence and the field come from the error body."""
    with pytest.raises(CommandFailed, match=r"There is no model x\. \(field model\)"):
        await api.get("/refused")


async def test_files_are_uploaded_under_their_names(api: ApiClient, tmp_path: Path) -> None:
    """Name, bytes and fields arrive; a file that cannot be read is named."""
    path = tmp_path / "Año nuevo.txt"
    path.write_bytes(b"12345")

    said = await api.upload("/v1/files", path, {"purpose": "assistants"})

    assert said == {"name": "Año nuevo.txt", "size": 5, "purpose": "assistants"}
    with pytest.raises(CommandFailed, match=r"gone\.txt cannot be read"):
        await api.upload("/v1/files", tmp_path / "gone.txt", {})


async def test_a_stream_is_read_event_by_event(api: ApiClient) -> None:
    """Comments are passed over, pieces are joined, and an error event is a failure like any other."""
    assert [event async for event in api.events("POST", "/stream", {})] == [{"n": 1}, {"n": 2}]

    with pytest.raises(CommandFailed, match="The engine stopped"):
        [event async for event in api.events("POST", "/stream?break=1", {})]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--version"], 0, __version__),
        (["--help"], 0, "doctor"),
        (["up", "--help"], 0, "--no-sample"),
        (["frobnicate"], 2, "No such command"),
        (["up", "--port", "many"], 2, "--port"),
        (["doctor", "data", "--data", "/nowhere/at/all"], 2, "appliance up"),
        (["doctor", "stomach", "--data", "/nowhere/at/all"], 2, "postgres"),
    ],
)
def test_exit_codes_and_words(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shell scripts can rely on the codes: 0 done, 1 refused or failed, 2 wrong words."""
    assert run(words) == code
    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def test_the_doctors_findings_are_json_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json: one document with a severity for each finding, and the same exit code: 2, where there is no box."""
    code = run(["doctor", "data", "--json", "--data", str(tmp_path)])

    said = json.loads(capsys.readouterr().out)

    assert code == 2
    assert said["ok"] is False
    (found,) = said["findings"]
    assert (found["id"], found["severity"], found["verdict"]) == ("data.missing", "error", "fail")
    assert str(tmp_path) in found["command"]
    assert "--data" in said["findings"][0]["remedy"]
