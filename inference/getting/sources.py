"""Where a model comes from, as people write it: `hf:REPO@REV:Q4_K_M`, `ollama:NAME`, a folder's path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelSourceUnknown

DEFAULT_QUANTISATION = "Q4_K_M"
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?\Z")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}\Z")
_QUANTISATION = re.compile(r"[A-Za-z0-9_]{1,24}\Z")
_OLLAMA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}\Z")
# as quantisations stand in the names of GGUF files
IN_FILE_NAME = re.compile(
    r"(?:^|[-._])(I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32|FP16|TQ\d_\d|MXFP4(?:_[A-Z]+)*)(?=[-.]|$)", re.IGNORECASE
)
_PATH_MARKS = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class HubSource:
    """revision: a branch, tag or commit. quantisation: empty where none was asked for."""

    repo: str
    revision: str = "main"
    quantisation: str = ""

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"hf:{self.repo}{at}" + (f":{self.quantisation}" if self.quantisation else "")


@dataclass(frozen=True, slots=True)
class OllamaSource:
    """model: as Ollama names it, `llama3.1:8b`."""

    model: str

    def __str__(self) -> str:
        return f"ollama:{self.model}"

    @property
    def registry_url(self) -> str:
        """Where Ollama gets it from: its own registry, or the host that the name begins with (`hf.co/acme/tiny`)."""
        host, slash, rest = self.model.partition("/")
        is_host = bool(slash) and ("." in host or ":" in host)
        return f"https://{self.model}" if is_host else f"https://registry.ollama.ai/{host}{slash}{rest}"


@dataclass(frozen=True, slots=True)
class FolderSource:
    """path: a folder with a model's files, or one file of GGUF. quantisation: which of several."""

    path: Path
    quantisation: str = ""

    def __str__(self) -> str:
        return f"folder:{self.path}" + (f":{self.quantisation}" if self.quantisation else "")


Source = HubSource | OllamaSource | FolderSource


def parse_source(text: str) -> Source | None:
    """None: it is a bare name, for the catalogue to say. Raises ModelSourceUnknown for what can be nothing."""
    text = text.strip()
    kind = ""
    for prefix in ("hf", "ollama", "folder"):
        if text.startswith(f"{prefix}:"):
            kind, text = prefix, text[len(prefix) + 1 :]
            break
    if kind == "ollama":
        if not _OLLAMA.match(text):
            raise ModelSourceUnknown(f"{text!r} is no name of Ollama's.")
        return OllamaSource(text)
    if kind == "folder" or (not kind and text.startswith(_PATH_MARKS)):
        return _folder(text)
    if kind == "hf" or "/" in text:
        return _hub(text)
    return None


def with_quantisation(source: Source, quantisation: str) -> Source:
    """The same, in that quantisation. Raises ModelSourceUnknown."""
    if isinstance(source, OllamaSource) or not _QUANTISATION.match(quantisation):
        raise ModelSourceUnknown(f"There is no quantisation {quantisation!r} of {source}.")
    if isinstance(source, HubSource):
        return HubSource(source.repo, source.revision, quantisation)
    return FolderSource(source.path, quantisation)


def default_name(source: Source) -> str:
    """What the model is called here: short, in small letters, with its quantisation if it is a GGUF."""
    if isinstance(source, HubSource):
        base = source.repo.rpartition("/")[2]
    elif isinstance(source, FolderSource):
        base = source.path.stem if source.path.suffix == ".gguf" else source.path.name
    else:
        base = source.model.replace(":", "-").replace("/", "-")
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", base).strip("-._").lower()
    base = base.removesuffix("-gguf")
    quantisation = wanted_quantisation(source)
    ending = f"-{quantisation.lower()}" if quantisation else ""
    return f"{base[: 96 - len(ending)] or 'model'}{'' if base.endswith(ending) else ending}"


def wanted_quantisation(source: Source) -> str:
    """What its name here says: the default one where a repository of GGUF files was asked for without."""
    own: str = getattr(source, "quantisation", "")
    is_gguf = isinstance(source, HubSource) and source.repo.lower().endswith("-gguf")
    return own or (DEFAULT_QUANTISATION if is_gguf else "")


def quantisation_of(file_name: str) -> str:
    """Of a GGUF file's name, in capitals; empty where it tells none."""
    found = IN_FILE_NAME.findall(re.sub(r"-\d{5}-of-\d{5}", "", file_name))
    return str(found[-1]).upper() if found else ""


def _hub(text: str) -> HubSource:
    text, colon, quantisation = text.partition(":")
    repo, at, revision = text.partition("@")
    is_whole = _REPO.match(repo) and "--" not in repo and ".." not in repo
    if not is_whole or (at and (not _REVISION.match(revision) or ".." in revision)):
        raise ModelSourceUnknown(f"{text!r} is no repository of a hub. Write it as hf:OWNER/NAME@REVISION.")
    if colon and not _QUANTISATION.match(quantisation):
        raise ModelSourceUnknown(f"{quantisation!r} is no quantisation, such as Q4_K_M.")
    return HubSource(repo, revision or "main", quantisation.upper())


def _folder(text: str) -> FolderSource:
    path, colon, quantisation = text.rpartition(":")
    if colon and _QUANTISATION.match(quantisation) and not Path(text).exists():
        return FolderSource(Path(path).expanduser(), quantisation.upper())
    return FolderSource(Path(text).expanduser())
