"""Whether a file is a recording, audio or film, by its first bytes; its name decides nothing.

No parser reads recordings: they are heard by a transcriber before the indexer sees them. Whether there is sound in a
film is found out by whoever opens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

HEAD_BYTES = 4096
"""How much of a file's beginning `recognise` wants to see."""


@dataclass(frozen=True, slots=True)
class RecordingKind:
    """kind: as people call the format; media_type: for a player in a browser."""

    kind: str
    media_type: str


_MP4 = RecordingKind("MP4", "video/mp4")
_M4A = RecordingKind("M4A", "audio/mp4")
_MP3 = RecordingKind("MP3", "audio/mpeg")
_AAC = RecordingKind("AAC", "audio/aac")
_SIGNATURES: tuple[tuple[int, bytes, RecordingKind], ...] = (
    (0, b"ID3", _MP3),
    (0, b"fLaC", RecordingKind("FLAC", "audio/flac")),
    (0, b"OggS", RecordingKind("Ogg", "audio/ogg")),
    (0, b"#!AMR", RecordingKind("AMR", "audio/amr")),
    (0, b"caff\0\1", RecordingKind("CAF", "audio/x-caf")),
    (0, b".snd\0\0\0", RecordingKind("AU", "audio/basic")),
    (0, b"FLV\1", RecordingKind("FLV", "video/x-flv")),
    (0, b"0&\xb2u\x8ef\xcf\x11", RecordingKind("WMA", "audio/x-ms-wma")),
    (0, b"\0\0\1\xba", RecordingKind("MPEG", "video/mpeg")),
)
_CONTAINERS = MappingProxyType(
    {
        (b"RIFF", b"WAVE"): RecordingKind("WAV", "audio/wav"),
        (b"RF64", b"WAVE"): RecordingKind("WAV", "audio/wav"),
        (b"RIFF", b"AVI "): RecordingKind("AVI", "video/x-msvideo"),
        (b"FORM", b"AIFF"): RecordingKind("AIFF", "audio/aiff"),
        (b"FORM", b"AIFC"): RecordingKind("AIFF", "audio/aiff"),
    }
)
_PICTURE_BRANDS = (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ")
_SUFFIXES = MappingProxyType(
    {
        "audio/mpeg": (".mp3",),
        "audio/mp4": (".m4a", ".m4b"),
        "audio/wav": (".wav",),
        "audio/ogg": (".ogg", ".oga", ".opus"),
        "audio/webm": (".weba",),
        "audio/flac": (".flac",),
        "audio/aac": (".aac",),
        "audio/amr": (".amr",),
        "audio/aiff": (".aif", ".aiff"),
        "audio/x-caf": (".caf",),
        "audio/basic": (".au",),
        "audio/x-ms-wma": (".wma",),
        "video/mp4": (".mp4", ".m4v", ".mov", ".3gp"),
        "video/webm": (".webm",),
        "video/x-matroska": (".mkv",),
        "video/x-msvideo": (".avi",),
        "video/mpeg": (".mpg", ".mpeg"),
    }
)
MEDIA_TYPES = tuple(_SUFFIXES)
_BY_SUFFIX = {suffix: media_type for media_type, suffixes in _SUFFIXES.items() for suffix in suffixes}

# MPEG-1 and -2, layer III: kbit/s by index, and samples a second by version and index (ISO 11172-3, 13818-3).
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def recognise(head: bytes) -> RecordingKind | None:
    """head: the first HEAD_BYTES of a file, or all of a shorter one. None: it is no recording."""
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return kind
    if contained := _CONTAINERS.get((head[:4], head[8:12])):
        return contained
    if head[4:8] == b"ftyp":
        return _in_mp4(head[8:12])
    if head.startswith(b"\x1aE\xdf\xa3"):
        is_webm = b"webm" in head[:64]
        return (
            RecordingKind("WebM", "video/webm") if is_webm else RecordingKind("Matroska", "video/x-matroska")
        )
    if _is_mp3(head):
        return _MP3
    return _AAC if _is_adts(head) else None


def recognise_file(path: Path) -> RecordingKind | None:
    """Raises OSError."""
    with path.open("rb") as file:
        return recognise(file.read(HEAD_BYTES))


def from_suffix(suffix: str) -> str | None:
    """What an ending with its dot promises."""
    return _BY_SUFFIX.get(suffix.lower())


def suffixes(media_type: str) -> tuple[str, ...]:
    """How names of such files end, the usual way first."""
    return _SUFFIXES.get(media_type, ())


def _in_mp4(brand: bytes) -> RecordingKind | None:
    """HEIC and AVIF pictures lie in the same container."""
    if brand in _PICTURE_BRANDS:
        return None
    return _M4A if brand in _SOUND_BRANDS else _MP4


def _is_mp3(head: bytes) -> bool:
    """A frame, and where it ends another one: FF FE alone also begins a UTF-16 text."""
    length = _frame_bytes(head[:4])
    return length is not None and _frame_bytes(head[length : length + 4]) is not None


def _frame_bytes(header: bytes) -> int | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate, hertz = header[2] >> 4, header[2] >> 2 & 3
    if layer != 1 or version not in _HERTZ or rate in (0, 15) or hertz == 3:
        return None
    kbits, samples = (_KBITS_1[rate], 144) if version == 3 else (_KBITS_2[rate], 72)
    return samples * kbits * 1000 // _HERTZ[version][hertz] + (header[2] >> 1 & 1)


def _is_adts(head: bytes) -> bool:
    length = _adts_bytes(head[:7])
    return length is not None and _adts_bytes(head[length : length + 7]) is not None


def _adts_bytes(header: bytes) -> int | None:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return None
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else None
