"""Everything `inference` can refuse.

InferenceError
├── EngineUnavailable     the server cannot be reached, or broke off before its first byte
│   └── EngineBackSoon        and it is known when somebody will answer again
├── EngineRefused         the server answered with an error of its own
├── CloudNotPermitted     a request has no permit to leave
├── CloudCannot           a cloud cannot do what the request was promised
├── CloudUnreachable      the way to a cloud is closed, or nobody is to be trusted at its end
├── CloudRefused          a cloud does not answer now: its own 404, 429 or 5xx
├── CloudKeyRefused       a cloud does not take our key
├── EngineStreamBroken    the server broke off in the middle of an answer
├── ModelNotFound         no engine serves that name
├── UnknownEngineKind     the configuration names an engine that is not in the table
├── ModelUnreadable       a model's files are not whole, or contradict each other
├── EgressRefused         a request was not let out
│   ├── EgressStopped     the stop switch is thrown
│   └── EgressUnrecorded  it cannot be written down, so it does not leave
├── HubUnavailable        where models come from does not answer, or breaks off
├── ModelGated            a model is given only to who has accepted its licence
├── ModelSourceUnknown    there is no such model to get
├── ModelHasPickle        a model's weights are a file that may run code
├── ModelHasCode          a model wants to bring code of its own
├── ModelFileCorrupt      a file that was got is not what it should be
├── NoRoomForModel        the disk is too small for a model
├── ModelInUse            a model that runs, or is searched with, is not taken away
├── UnusableModelName     a name that cannot be a folder's
├── ModelNotInstalled     no such model on this machine
├── EmbedderUnavailable   no embedder answers
├── RerankerBroken        a cross-encoder cannot be opened or run
├── SpeechNotInstalled    no speech model is configured, or the extra is missing
├── SpeechUnavailable     the speech process does not answer
├── LanguageUnknown       the speech model does not know that language
├── AudioRefused          the file is no recording that can be heard
├── ToolServerUnavailable an MCP server cannot be reached, or takes too long
└── ToolServerBroken      it answers with something that no MCP server says, or with too much

A class's docstring is the sentence a person reads; `code` is stable and is what programs compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


class InferenceError(Exception):
    """The language model could not be used."""

    code = "inference_error"

    def __init__(self, detail: str = "") -> None:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {detail}".strip())


class EngineUnavailable(InferenceError):
    """The language-model server does not answer. Try again in a moment; `appliance doctor` shows its state."""

    code = "engine_unavailable"


class EngineRefused(InferenceError):
    """The language-model server refused the request."""

    code = "engine_refused"

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"It answered {status}.")
        self.status = status
        self.body = body
        self.content_type = content_type
        self.retry_after_s = retry_after_s


class EngineStreamBroken(InferenceError):
    """The language-model server broke off in the middle of the answer. What came so far is kept; ask again."""

    code = "engine_stream_broken"

    def __init__(self, detail: str = "", *, is_malformed: bool = False) -> None:
        """is_malformed: it did not fall silent, it sent what is no answer."""
        super().__init__(detail)
        self.is_malformed = is_malformed


class EngineBackSoon(EngineUnavailable):
    """The language model does not answer just now, and is expected back soon."""

    code = "engine_back_soon"

    def __init__(self, retry_after_s: float) -> None:
        """retry_after_s: until somebody answers again, as far as it is known."""
        self.retry_after_s = max(1.0, retry_after_s)
        super().__init__(f"Try again in {math.ceil(self.retry_after_s)} s.")


class CloudNotPermitted(EngineUnavailable):
    """Nothing here answers just now, and this request may not leave the box. Try again in a moment."""

    code = "cloud_not_permitted"


class CloudCannot(EngineUnavailable):
    """Nothing here answers just now, and the cloud cannot do what the request asks for. Try again in a moment."""

    code = "cloud_cannot"


class CloudUnreachable(EngineUnavailable):
    """The cloud cannot be reached. `appliance doctor` says whether its section and the way out are in order."""

    code = "cloud_unreachable"


class CloudRefused(EngineUnavailable):
    """The cloud does not answer this request now. Try again in a moment."""

    code = "cloud_refused"

    def __init__(self, detail: str = "", status: int = 503, retry_after_s: float | None = None) -> None:
        """status: by which it is judged: 401 or 403, 429, or 5xx."""
        super().__init__(detail)
        self.status = status
        self.retry_after_s = retry_after_s


class CloudKeyRefused(CloudRefused):
    """The cloud does not accept the appliance's key. An administrator can give it another one."""

    code = "cloud_key_refused"


class ModelNotFound(InferenceError):
    """There is no model of that name here."""

    code = "model_not_found"

    def __init__(self, model: str, known: Sequence[str]) -> None:
        listed = ", ".join(known) if known else "none"
        super().__init__(
            f"Asked for: {model!r}. Known: {listed}. Add one with an [engines.NAME] section in appliance.toml."
        )
        self.model = model
        self.known = tuple(known)


class UnknownEngineKind(InferenceError):
    """The configuration names an engine this appliance does not know."""

    code = "unknown_engine_kind"


class ModelUnreadable(InferenceError):
    """The files of this model are not whole, or contradict each other. Get it again with `appliance model pull`."""

    code = "model_unreadable"


class EmbedderUnavailable(InferenceError):
    """The embedding process does not answer, so documents cannot be searched by meaning just now."""

    code = "embedder_unavailable"


class RerankerBroken(InferenceError):
    """The reranking model cannot be used. The folder that `retrieval.reranker` names must hold one in ONNX."""

    code = "reranker_broken"


class SpeechNotInstalled(InferenceError):
    """Recordings cannot become text here yet: install the extra `speech` and set `model` in [speech]."""

    code = "speech_not_installed"


class SpeechUnavailable(InferenceError):
    """The process that turns recordings into text does not answer. Try again in a moment."""

    code = "speech_unavailable"


class LanguageUnknown(InferenceError):
    """The speech model does not know that language. Leave it away, or name it by its two letters, such as es."""

    code = "language_unknown"


class AudioRefused(InferenceError):
    """This file is not a recording that can be heard."""

    code = "audio_refused"

    def __init__(self, reason: str, detail: str = "") -> None:
        """reason: stable, one of AUDIO_REASONS. detail: a sentence more."""
        super().__init__(f"{AUDIO_REASONS[reason]} {detail}".strip())
        self.reason = reason
        self.more = detail


# Why a recording is refused; the key is stable.
AUDIO_REASONS: Mapping[str, str] = {
    "empty": "It has no bytes.",
    "not_audio": "It is in no format that is known for sound, whatever its name says.",
    "no_sound": "There is no sound in it, only pictures or data.",
    "unknown_codec": "Its sound is in a code that cannot be read here.",
    "damaged": "It is damaged, or was cut off before any sound.",
    "protected": "It is locked with a password or rights management.",
    "too_many_channels": "It has more channels than a recording of speech has.",
    "odd_sample_rate": "Its sample rate is none that a recording has.",
    "too_large": "It is larger than this box accepts.",
    "too_long": "It is longer than this box accepts.",
    "took_too_long": "Reading it took longer than any honest recording does.",
}


class EgressRefused(InferenceError):
    """The appliance does not go there. Name the host in the section [egress] of appliance.toml, if it should."""

    code = "egress_refused"


class EgressStopped(EgressRefused):
    """Nothing leaves the appliance just now: an administrator stopped it. `appliance egress start` lets it go on."""

    code = "egress_stopped"


class EgressUnrecorded(EgressRefused):
    """The ledger of what leaves cannot be written, so nothing leaves. Make room on the disk, or see its rights."""

    code = "egress_unrecorded"


class ToolServerUnavailable(InferenceError):
    """The tool's server does not answer. Try again in a moment; Administration › Tools shows its state."""

    code = "tool_server_unavailable"


class ToolServerBroken(InferenceError):
    """The tool's server answered with something that cannot be used. Tell an administrator."""

    code = "tool_server_broken"


class HubUnavailable(InferenceError):
    """Where the model comes from does not answer, or broke off. What has come is kept: pull again to go on."""

    code = "hub_unavailable"


class ModelGated(InferenceError):
    """This model is given only to people who have accepted its licence, and asks for their token."""

    code = "model_gated"


class ModelSourceUnknown(InferenceError):
    """There is no such model to get. Check its name, revision and quantisation."""

    code = "model_source_unknown"


class ModelHasPickle(InferenceError):
    """The model's weights are in a format that can run code when read. Take one with safetensors or GGUF files."""

    code = "model_has_pickle"


class ModelHasCode(InferenceError):
    """The model brings program code of its own, which is never run here. Take one that its engine knows by itself."""

    code = "model_has_code"


class ModelFileCorrupt(InferenceError):
    """A file of the model is not what it should be, so the model was not taken in. Pull it again."""

    code = "model_file_corrupt"


class NoRoomForModel(InferenceError):
    """There is not enough room on the disk for this model. Remove another one, or make room."""

    code = "model_no_room"


class ModelInUse(InferenceError):
    """The model is in use. Stop it first, or search with another one."""

    code = "model_in_use"


class UnusableModelName(InferenceError):
    """A model's name has letters, digits, dots, dashes and underscores, 96 at most. Choose one by `--as`."""

    code = "model_name_unusable"


class ModelNotInstalled(InferenceError):
    """There is no such model on this machine. `appliance model list` shows them, `appliance model pull` gets more."""

    code = "model_not_installed"


class ModelDoesNotFit(InferenceError):
    """This model does not fit in this machine's memory. `appliance model plan` shows the sum, and which ones do."""

    code = "model_does_not_fit"


class ModelNeedsVllm(InferenceError):
    """This model needs vLLM beside us: name it in `models.vllm_command`, or use compose, `./setup.sh gpu`."""

    code = "model_needs_vllm"


class ModelNotStartable(InferenceError):
    """Models of this kind are not started by hand: the appliance loads them where they are used."""

    code = "model_not_startable"


class ModelNotStarted(InferenceError):
    """This model has not been started. `appliance model start` starts it."""

    code = "model_not_started"


class ModelLoadFailed(EngineUnavailable):
    """The model cannot be loaded just now. An administrator sees the reason under Models."""

    code = "model_load_failed"


class ModelNotLoaded(EngineUnavailable):
    """The model is not in memory, and loading on first use is switched off. An administrator can start it."""

    code = "model_not_loaded"
