"""Models from a folder and through Ollama, their names, and the library that they come into."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.egress import Departure, Egress
from inference.errors import (
    HubUnavailable,
    ModelFileCorrupt,
    ModelHasPickle,
    ModelNotInstalled,
    ModelSourceUnknown,
    UnusableModelName,
)
from inference.getting.choosing import is_safe_path
from inference.getting.progress import Meter
from inference.getting.pulling import HubAccess, Pulling, Wanted
from inference.getting.sources import (
    FolderSource,
    HubSource,
    OllamaSource,
    default_name,
    parse_source,
    quantisation_of,
)
from inference.getting.through_ollama import OllamaPuller
from inference.library import InstalledModel, ModelLibrary
from inference.testing.fake_ollama import FakeOllama
from tests.inference.model_files import a_pickle, chat_model, gguf, safetensors


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    """The files in the folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


async def got(tmp_path: Path, source: FolderSource) -> InstalledModel:
    """The model of a folder in a library; nothing may leave the machine."""

    def nothing(departure: Departure) -> None:
        raise AssertionError(departure)

    pulling = Pulling(
        ModelLibrary(tmp_path / "library"), Egress([], nothing), HubAccess("", lambda: ""), reserve_bytes=0
    )
    return await pulling.pull(Wanted("tiny", source), tmp_path / "pull", lambda _: None)


async def test_a_model_on_a_stick_is_copied_with_its_checksums(tmp_path: Path) -> None:
    """SHA256SUMS beside it counts; afterwards the stick may be pulled out."""
    stick = laid(tmp_path / "stick", chat_model())
    sums = [f"{hashlib.sha256(safetensors()).hexdigest()}  model.safetensors"]
    (stick / "SHA256SUMS").write_text("\n".join(sums))

    model = await got(tmp_path, FolderSource(stick))

    assert not (model.path / "model.safetensors").is_symlink()
    assert (model.path / "model.safetensors").read_bytes() == safetensors()
    assert not list(model.path.rglob("*.bin"))
    assert model.sha256["model.safetensors"] == hashlib.sha256(safetensors()).hexdigest()


@pytest.mark.parametrize("kind", ["sums", "card", "hub", "cache"])
async def test_a_copy_that_differs_from_its_checksum_is_refused(tmp_path: Path, kind: str) -> None:
    """Whoever wrote the checksum: sha256sum, another appliance, or a hub's own tools."""
    wrong, stick = "0" * 64, laid(tmp_path / "stick", chat_model())
    if kind == "sums":
        (stick / "SHA256SUMS").write_text(f"{wrong} *./model.safetensors\n")
    elif kind == "card":
        (stick / "model.json").write_text(json.dumps({"sha256": {"model.safetensors": wrong}}))
    elif kind == "hub":
        laid(
            stick, {".cache/huggingface/download/model.safetensors.metadata": f"abc\n{wrong}\n1.0\n".encode()}
        )
    else:
        cache = tmp_path / "models--acme--tiny"
        blob = laid(cache, {f"blobs/{wrong}": safetensors()}) / "blobs" / wrong
        stick = laid(cache / "snapshots" / "abc", {"config.json": b"{}"})
        (stick / "model.safetensors").symlink_to(blob)

    with pytest.raises(ModelFileCorrupt, match=r"model\.safetensors: its checksum"):
        await got(tmp_path, FolderSource(stick))

    assert ModelLibrary(tmp_path / "library").installed() == []


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """A stick cannot have other files of the machine copied."""
    stick = laid(tmp_path / "stick", {"model.safetensors": safetensors()})
    (tmp_path / "secret.json").write_text('{"password": "x"}')
    (stick / "config.json").symlink_to(tmp_path / "secret.json")

    model = await got(tmp_path, FolderSource(stick))

    assert {file.name for file in model.path.iterdir()} == {"model.safetensors", "model.json"}


async def test_one_gguf_file_of_a_folder_is_taken_by_itself(tmp_path: Path) -> None:
    """Its neighbours stay."""
    stick = laid(tmp_path / "stick", {"one-Q4_K_M.gguf": gguf(fill=1), "two-Q8_0.gguf": gguf(fill=2)})

    model = await got(tmp_path, FolderSource(stick / "one-Q4_K_M.gguf"))

    assert (model.format, model.path.name) == ("gguf", "one-Q4_K_M.gguf")
    assert {file.suffix for file in model.path.parent.iterdir()} == {".gguf", ".json"}
    assert len(list(model.path.parent.iterdir())) == 2


async def test_what_another_appliance_had_is_what_it_says(tmp_path: Path) -> None:
    """Its kind, revision and licence come along with it."""
    first = await got(tmp_path, FolderSource(laid(tmp_path / "stick", chat_model())))
    (first.path / "model.json").write_text(
        json.dumps(
            {**json.loads((first.path / "model.json").read_text()), "licence": "mit", "kind": "reranker"}
        )
    )
    again = await got(tmp_path / "other", FolderSource(first.path))

    assert (again.kind, again.licence) == ("reranker", "mit")


@pytest.mark.parametrize(
    ("files", "error"),
    [({"weights.bin": a_pickle()}, ModelHasPickle), ({"notes.txt": b"x"}, ModelSourceUnknown)],
    ids=["a-pickle", "no-model"],
)
async def test_a_folder_without_a_model_is_refused(
    tmp_path: Path, files: dict[str, bytes], error: type[Exception]
) -> None:
    """With the same reasons as a hub's."""
    with pytest.raises(error):
        await got(tmp_path, FolderSource(laid(tmp_path / "stick", files)))


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And the rights are thought of."""
    with pytest.raises(
        ModelSourceUnknown, match=r"nowhere is not there, or the appliance's user may not read"
    ):
        await got(tmp_path, FolderSource(tmp_path / "nowhere"))


async def test_ollama_gets_a_model_for_itself_and_tells_how_far_it_is() -> None:
    """It is in the ledger that it was asked to."""
    ledger: list[Departure] = []
    async with FakeOllama() as ollama:
        egress = Egress([], ledger.append, inside=[f"{ollama.host}:{ollama.port}"])
        async with egress.session("models", "ana@x.example") as session:
            puller = OllamaPuller(session, f"{ollama.root_url}/v1")
            told = [
                (meter.read(0).done_bytes, step)
                async for meter, step in puller.pull(OllamaSource("qwen3:4b"))
            ]
            with pytest.raises(ModelSourceUnknown, match="missing-model"):
                async for _ in puller.pull(OllamaSource("missing-model")):
                    pass

    assert told[-1] == (100, "success")
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {line.actor for line in ledger} == {"ana@x.example"}


async def test_an_ollama_that_is_not_there_is_said() -> None:
    """By its address."""
    egress = Egress([], lambda _: None, inside=["127.0.0.1:9"])
    async with egress.session("models") as session:
        with pytest.raises(HubUnavailable, match=r"127\.0\.0\.1:9"):
            async for _ in OllamaPuller(session, "http://127.0.0.1:9").pull(OllamaSource("x")):
                pass


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("hf:acme/Tiny-1B", HubSource("acme/Tiny-1B"), "tiny-1b"),
        ("acme/Tiny-1B", HubSource("acme/Tiny-1B"), "tiny-1b"),
        ("hf:acme/T@v1.0", HubSource("acme/T", "v1.0"), "t"),
        ("hf:acme/T-GGUF:q5_k_m", HubSource("acme/T-GGUF", "main", "Q5_K_M"), "t-q5_k_m"),
        ("hf:acme/T-GGUF", HubSource("acme/T-GGUF"), "t-q4_k_m"),
        ("ollama:llama3.1:8b", OllamaSource("llama3.1:8b"), "llama3.1-8b"),
        ("/media/usb/My Model", FolderSource(Path("/media/usb/My Model")), "my-model"),
        ("folder:/m/x:Q8_0", FolderSource(Path("/m/x"), "Q8_0"), "x-q8_0"),
        ("llama-3.1-8b", None, ""),
    ],
)
def test_a_source_is_read_as_people_write_it(text: str, source: object, name: str) -> None:
    """And read again from what is written down of it."""
    found = parse_source(text)

    assert found == source
    if found is not None:
        assert default_name(found) == name
        assert parse_source(str(found)) == found


@pytest.mark.parametrize(
    "text", ["hf:a/b/c", "hf:../x", "hf:a/..", "ollama:../x y", "hf:a/b@../../x", "hf:a/b:../x"]
)
def test_what_can_be_no_source_is_refused(text: str) -> None:
    """Before anything is asked of anybody."""
    with pytest.raises(ModelSourceUnknown):
        parse_source(text)


@pytest.mark.parametrize(
    ("name", "quantisation"),
    [
        ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", "Q4_K_M"),
        ("llama.Q8_0.gguf", "Q8_0"),
        ("m-IQ2_XXS.gguf", "IQ2_XXS"),
        ("m-BF16-00001-of-00002.gguf", "BF16"),
        ("Q5_K_S/m-Q5_K_S-00001-of-00003.gguf", "Q5_K_S"),
        ("qwen2-0_5b-instruct-fp16.gguf", "FP16"),
        ("model.gguf", ""),
    ],
)
def test_a_quantisation_is_read_off_a_file_name(name: str, quantisation: str) -> None:
    """As people name their files."""
    assert quantisation_of(name) == quantisation


@given(st.text(max_size=40))
def test_no_path_leads_out_of_the_folder(path: str) -> None:
    """Whatever a hub calls its files."""
    if is_safe_path(path):
        assert (Path("/library") / path).resolve().is_relative_to("/library")
        assert not path.startswith((".", "/"))


def test_what_is_left_is_told_from_the_last_seconds() -> None:
    """A minute in which nothing came does not count for ever, and neither does what was there before."""
    meter = Meter(10_000, already=4_000)
    assert meter.read(100.0).seconds_left is None
    meter.count(1_000)
    told = meter.read(101.0)
    assert (told.done_bytes, told.rate, told.seconds_left) == (5_000, 1_000.0, 5.0)
    for second in range(60):
        told = meter.read(102.0 + second)
    assert (told.rate, told.seconds_left) == (0.0, None)


def installed(folder: Path) -> InstalledModel:
    """A model in a folder that the library does not have yet."""
    laid(folder, {"model.safetensors": safetensors()})
    return InstalledModel(
        "tiny",
        "chat",
        "safetensors",
        folder,
        4096,
        "hf:acme/tiny",
        "abc",
        "mit",
        datetime(2026, 11, 22, tzinfo=UTC),
    )


def test_a_library_lists_whole_models_only(tmp_path: Path) -> None:
    """A folder without a card, or with a spoilt one, is nobody's model."""
    library = ModelLibrary(tmp_path / "library")
    assert library.installed() == []
    model = library.add(tmp_path / "filled", installed(tmp_path / "filled"))
    laid(tmp_path / "library" / "half", {"model.safetensors": safetensors()})
    laid(tmp_path / "library" / "spoilt", {"model.json": b"{"})
    laid(tmp_path / "library" / ".removed-x", {"model.json": b"{}"})

    assert library.installed() == [model]
    assert library.find("half") is None
    assert library.find("../filled") is None


def test_a_model_that_comes_again_replaces_the_one_before(tmp_path: Path) -> None:
    """By one rename; what it had before is gone."""
    library = ModelLibrary(tmp_path / "library")
    library.add(tmp_path / "filled", installed(tmp_path / "filled"))
    fresh = replace(installed(tmp_path / "fresh"), revision="def")
    library.add(tmp_path / "fresh", fresh)

    assert [one.revision for one in library.installed()] == ["def"]
    assert not list((tmp_path / "library").glob(".removed*"))


def test_a_model_is_removed_once(tmp_path: Path) -> None:
    """Whoever removes it again is told that it is not there."""
    library = ModelLibrary(tmp_path / "library")
    library.add(tmp_path / "filled", installed(tmp_path / "filled"))

    library.remove("tiny")

    assert library.installed() == []
    with pytest.raises(ModelNotInstalled, match="'tiny'"):
        library.remove("tiny")


@pytest.mark.parametrize("name", ["", ".x", "a/b", "..", "x" * 97, "a b", "ñ"])
def test_a_name_that_is_no_folder_s_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything moves."""
    model = installed(tmp_path / "filled")
    with pytest.raises(UnusableModelName):
        ModelLibrary(tmp_path / "library").add(tmp_path / "filled", replace(model, name=name))


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("llama3.1:8b", "https://registry.ollama.ai/llama3.1:8b"),
        ("acme/tiny:latest", "https://registry.ollama.ai/acme/tiny:latest"),
        ("hf.co/acme/tiny", "https://hf.co/acme/tiny"),
        ("hub.box:8443/acme/tiny", "https://hub.box:8443/acme/tiny"),
    ],
)
def test_where_ollama_goes_is_known_before_it_is_asked_to(model: str, url: str) -> None:
    """So that the list of allowed hosts counts for it as well."""
    assert OllamaSource(model).registry_url == url
