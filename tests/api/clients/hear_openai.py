"""What the official SDK makes of a recording, as JSON. Arguments: the file, the base URL."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from openai import OpenAI

audio, base_url = Path(sys.argv[1]), sys.argv[2]
client = OpenAI(base_url=base_url, api_key="ana", max_retries=0)


def hear(**options: Any) -> Any:
    """A transcription, asked for in this way."""
    return client.audio.transcriptions.create(file=audio, model="whisper-1", **options)


verbose = hear(response_format="verbose_json", timestamp_granularities=["word", "segment"])
told = {
    "json": hear().text,
    "text": hear(response_format="text"),
    "srt": hear(response_format="srt", language="es"),
    "verbose": [verbose.text, verbose.language, len(verbose.segments), len(verbose.words)],
    "english": client.audio.translations.create(file=audio, model="whisper-1").text,
    "events": [(event.type, getattr(event, "delta", None) or event.text) for event in hear(stream=True)],
}
sys.stdout.write(json.dumps(told))
