"""From the settings to the list of models that the embedding process serves, in a file that it reads at its start.

The model of the settings stands first; what was served before stays until the worker says that its vectors are gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.errors import StartupError
from inference.embedding.specs import BUILT_IN, EmbeddingSpec, ahead, read_specs, write_specs
from inference.embedding.token_counter import TokenCounter
from inference.library import ModelLibrary


def specs_path(box: Box) -> Path:
    """Where the list is kept, mode 0600, because it may hold an engine's key: where the embedding process may read."""
    folder = box.sockets if box.sockets.is_relative_to(box.data) else box.data
    return folder / "embedding-models.json"


def wanted_spec(box: Box) -> EmbeddingSpec:
    """What the settings ask for. Raises StartupError."""
    chosen = box.settings.embedding
    if chosen.source == "built_in" and (name := chosen_for_search(box)):
        return EmbeddingSpec(
            source="onnx",
            model=str((box.models_folder / "library" / name).resolve()),
            device=chosen.device,
            languages=tuple(chosen.languages),
            batch=chosen.batch,
        )
    if chosen.source == "built_in":
        return EmbeddingSpec(languages=BUILT_IN.languages, device=chosen.device)
    base_url, socket, key = chosen.base_url, "", ""
    try:
        key = chosen.key()
        if chosen.engine:
            base_url, socket, key = _of_engine(box, chosen.engine)
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"[embedding]: api_key_file cannot be read: {error}. Correct its path.") from error
    model = chosen.model
    if chosen.source != "engine":  # as people write it: beside the file that names it
        folder = (box.config or box.data / "appliance.toml").parent
        model = str((folder / Path(model).expanduser()).resolve())
    return EmbeddingSpec(
        source=chosen.source,
        model=model,
        base_url=base_url,
        socket=socket,
        api_key=key,
        device=chosen.device,
        query_prefix=chosen.query_prefix,
        passage_prefix=chosen.passage_prefix,
        languages=tuple(chosen.languages),
        batch=chosen.batch,
        inside=tuple(box.settings.egress.inside),
    )


def search_choice_path(box: Box) -> Path:
    """Where the word of an administrator is kept, which counts as long as [embedding] names no model."""
    return box.models_folder / "search-model.json"


def chosen_for_search(box: Box) -> str:
    """A model of the library that is there; empty: none was chosen."""
    try:
        name = json.loads(search_choice_path(box).read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    model = ModelLibrary(box.models_folder / "library").find(str(name))
    return "" if model is None or model.format != "onnx" else model.name


def keep_specs(box: Box) -> Path:
    """Write the list anew, the wanted model first; returns where it lies. Raises StartupError."""
    path = specs_path(box)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        write_specs(path, ahead(wanted_spec(box), read_specs(path)))
    except ValueError as error:
        raise StartupError(f"{error}. Remove the file.") from error
    return path


def forget_specs(path: Path, keep: Sequence[str]) -> None:
    """Leave the wanted model in the list, and those of these names."""
    specs = read_specs(path)
    write_specs(path, [*specs[:1], *(spec for spec in specs[1:] if (spec.name or "built in") in keep)])


def _of_engine(box: Box, name: str) -> tuple[str, str, str]:
    """(address, unix socket, key) of an [engines.NAME] section."""
    from appliance.bootstrap.inference import read_engine_settings
    from inference.cloud.settings import CloudSettings
    from inference.settings import LlamaCppSettings

    if name not in box.settings.engines:
        known = ", ".join(box.settings.engines) or "none"
        raise StartupError(
            f"embedding.engine = {name!r}: there is no such [engines.NAME] section. There are: {known}."
        )
    settings = read_engine_settings({name: box.settings.engines[name]}, box.engine_socket)[name]
    if isinstance(settings, CloudSettings):
        raise StartupError(
            f"embedding.engine = {name!r} is a cloud: every document would leave. Name an engine of your own."
        )
    if isinstance(settings, LlamaCppSettings) and settings.socket_path is not None:
        if not settings.embedding:
            raise StartupError(f"[engines.{name}]: set embedding = true, so that it serves /v1/embeddings.")
        return "http://llama/v1", str(settings.socket_path), settings.key()
    address = settings.base_url if settings.base_url.endswith("/v1") else f"{settings.base_url}/v1"
    return address, "", settings.key()


def token_counter(box: Box) -> TokenCounter:
    """As the wanted model counts; the built-in one's where it does not tell (an engine's are fewer, as a rule)."""
    spec = wanted_spec(box)
    tokenizer = Path(spec.model) / "tokenizer.json"
    if spec.source in ("onnx", "sentence_transformers") and tokenizer.is_file():
        return TokenCounter(box.models_folder, tokenizer)
    return TokenCounter(box.models_folder)
