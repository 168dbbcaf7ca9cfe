"""From [engines.*] in appliance.toml to a roster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.bootstrap.box import open_box
from appliance.bootstrap.embedding import wanted_spec
from appliance.bootstrap.inference import (
    adopt_local_engines,
    build_inference,
    cloud_hosts,
    has_only_clouds,
    read_engine_settings,
    tables_of,
)
from appliance.errors import StartupError
from inference.discovery import FoundEngine
from inference.testing.fake_engine import FakeEngine

MODEL = Path(__file__).resolve().parent.parent / "models" / "tiny-llama.gguf"


def socket_for(name: str) -> Path:
    """Where the supervisor would have it listen."""
    return Path("/run") / f"{name}.sock"


async def test_tables_become_a_roster_with_aliases_and_fallbacks() -> None:
    """What the operator writes is what people can ask for."""
    async with FakeEngine(["llama"]) as main, FakeEngine(["llama"]) as spare:
        tables = {
            "spare": {"engine": "openai_compatible", "base_url": spare.base_url, "fallback_only": True},
            "main": {"engine": "vllm", "base_url": main.base_url, "max_running": 64},
        }
        built = build_inference(read_engine_settings(tables, socket_for), {"gpt-4o-mini": "llama"})
        await built.roster.refresh()
        resolved = [(engine.name, model) for engine, model in built.roster.resolve("gpt-4o-mini")]
        slots = {state.name: state.load.slots for state in built.roster.states()}
        await built.close()

    assert resolved == [("main", "llama"), ("spare", "llama")]
    assert slots == {"spare": None, "main": 64}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"engine": "vlm"}, r"engines\.x.*'vlm'.*Known: openai_compatible, vllm, ollama, llama_cpp"),
        ({}, "engine = None is not known"),
        ({"engine": "vllm", "base_ulr": "http://x"}, "'base_ulr'.*Did you mean 'base_url'"),
        ({"engine": "openai_compatible"}, "'base_url' is missing"),
        ({"engine": "vllm", "base_url": "localhost:8000"}, "must begin with http"),
        ({"engine": "llama_cpp"}, "needs model_path, a GGUF file"),
        ({"engine": "ollama", "context_tokens": "many"}, "'context_tokens'"),
        ({"engine": "llama_cpp", "model_path": "/nowhere/model.gguf"}, "'/nowhere/model.gguf' is not a file"),
        ({"engine": "llama_cpp", "model_path": __file__}, "is not a GGUF file.*Give it a GGUF file"),
        ({"engine": "vllm", "api_key_file": "/nowhere/key"}, "api_key_file cannot be read.*/nowhere/key"),
    ],
)
def test_a_wrong_table_is_a_sentence_with_its_remedy(table: dict[str, Any], sentence: str) -> None:
    """Section, key and what to write instead."""
    with pytest.raises(StartupError, match=sentence):
        read_engine_settings({"x": table}, socket_for)


def test_a_gguf_file_is_served_by_a_process_of_ours() -> None:
    """It is reached where the supervisor has it listen; a llama.cpp that runs already at its address."""
    tables: dict[str, dict[str, Any]] = {
        "laptop": {"engine": "llama_cpp", "model_path": str(MODEL), "slots": 2},
        "other": {"engine": "llama_cpp", "base_url": "http://127.0.0.1:8001/v1"},
    }

    settings = read_engine_settings(tables, socket_for)
    states = build_inference(settings, {}).roster.states()

    assert [state.base_url for state in states] == ["unix:/run/laptop.sock", "http://127.0.0.1:8001/v1"]


def test_a_missing_gguf_file_is_said_before_anything_starts() -> None:
    """The path is in the sentence."""
    with pytest.raises(StartupError, match=r"/no/such\.gguf"):
        read_engine_settings({"x": {"engine": "llama_cpp", "model_path": "/no/such.gguf"}}, socket_for)


def test_found_engines_are_configured_as_if_written_down() -> None:
    """Discovery has no way of its own into the roster."""
    found = [
        FoundEngine("vllm", "http://127.0.0.1:8000/v1", ("m",)),
        FoundEngine("ollama", "http://127.0.0.1:11434", ()),
    ]

    settings = read_engine_settings(tables_of(found), socket_for)

    assert {name: one.base_url for name, one in settings.items()} == {
        "local-vllm": "http://127.0.0.1:8000/v1",
        "local-ollama": "http://127.0.0.1:11434",
    }


async def test_an_engine_started_later_is_taken_on_once() -> None:
    """Nobody has to restart the appliance after `vllm serve` or `ollama serve`."""
    announced: list[FoundEngine] = []
    async with FakeEngine(["m"]) as server:
        answers = iter([[], [FoundEngine("vllm", server.base_url, ("m",))]])

        async def find() -> list[FoundEngine]:
            return next(answers)

        built = build_inference({}, {"x": "m"})
        await adopt_local_engines(built, announced.append, every_s=0, find=find)
        resolved = [(engine.name, model) for engine, model in built.roster.resolve("x")]
        await built.close()

    assert resolved == [("local-vllm", "m")]
    assert [found.base_url for found in announced] == [server.base_url]


async def test_a_box_with_engines_of_its_own_looks_for_nobody() -> None:
    """What the operator configured is all there is."""
    tables = {"a": {"engine": "vllm"}}
    built = build_inference(read_engine_settings(tables, socket_for), {})

    async def find() -> list[FoundEngine]:
        raise AssertionError("looked for")

    await adopt_local_engines(built, lambda found: None, find=find)
    await built.close()


CLOUD = {"engine": "cloud", "provider": "openai", "api_key": "k", "model_map": {"m": "gpt-4o-mini"}}


async def test_a_cloud_alone_does_not_end_the_search_for_engines_of_this_machine() -> None:
    """It only stands in for one: whoever adds a cloud keeps the Ollama that was found before."""
    announced: list[FoundEngine] = []
    async with FakeEngine(["m"]) as server:
        built = build_inference(read_engine_settings({"far": CLOUD}, socket_for), {})

        async def find() -> list[FoundEngine]:
            return [FoundEngine("vllm", server.base_url, ("m",))]

        await adopt_local_engines(built, announced.append, every_s=0, find=find)
        here = [engine.name for engine, _ in built.roster.resolve("m")]
        there = [(engine.name, theirs) for engine, theirs in built.roster.resolve_cloud("m")]
        await built.close()

    assert (here, there) == (["local-vllm"], [("far", "gpt-4o-mini")])
    assert has_only_clouds({"far": CLOUD})
    assert not has_only_clouds({"far": CLOUD, "here": {"engine": "vllm"}})


def test_a_cloud_is_on_the_roster_as_one() -> None:
    """With what it stands in for, and the host that the way out has to know."""
    settings = read_engine_settings({"far": CLOUD}, socket_for)

    (state,) = build_inference(settings, {}).roster.states()

    assert (state.is_cloud, state.stands_in_for) == (True, (("m", "gpt-4o-mini"),))
    assert cloud_hosts(settings) == ["api.openai.com"]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"provider": "azure", "models": ["x"]}, "needs base_url"),
        ({"provider": "azure", "models": ["x"], "base_url": "https://x.openai.azure.com"}, "api_version"),
        ({"provider": "openai", "models": ["x"], "api_version": "1"}, "api_version is Azure's"),
        ({"provider": "openai"}, "nothing to ask for"),
        ({"provider": "opanai", "models": ["x"]}, "provider"),
        ({"provider": "openai", "models": ["x"], "modelmap": {}}, "Did you mean 'model_map'"),
        ({"provider": "openai", "models": ["x"], "ca_file": "/no/such.pem"}, "ca_file"),
        ({"provider": "openai", "models": ["x"], "api_key_file": "/no/such.key"}, "api_key_file"),
    ],
)
def test_a_wrong_section_of_a_cloud_is_a_sentence_with_its_remedy(
    table: dict[str, Any], sentence: str
) -> None:
    """Before anything is started."""
    with pytest.raises(StartupError, match=sentence):
        build_inference(read_engine_settings({"far": {"engine": "cloud", **table}}, socket_for), {})


def test_documents_are_not_embedded_by_a_cloud(tmp_path: Path) -> None:
    """It would read every one of them, without anybody's permission."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "appliance.toml").write_text(
        '[embedding]\nsource = "engine"\nmodel = "m"\nengine = "far"\n'
        '[engines.far]\nengine = "cloud"\nprovider = "openai"\nkind = "embedding"\nmodels = ["m"]\n',
        encoding="utf-8",
    )

    with pytest.raises(StartupError, match="every document would leave"):
        wanted_spec(open_box(data))
