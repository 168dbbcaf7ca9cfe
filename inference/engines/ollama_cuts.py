"""Whether Ollama read all of a prompt. Servers since 0.12.4 are told not to cut; older ones do so without a word.

Seen at the end by its own count, `prompt_eval_count`, against the least that the prompt can have: exact where a
tokenizer is known, else by its letters. A false alarm would cost a good answer, so the least is taken low. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inference.tokenizing.local import texts_of

CUT = "context_length_exceeded"
_RUNS = re.compile(r"(.)\1+", re.DOTALL)
_CHARACTERS_PER_TOKEN = 12  # the longest that prose has in vocabularies of 256k entries is under 7


def least_tokens(payload: Mapping[str, Any]) -> int:
    """Of a prompt of prose or code in any vocabulary in use: a run of one sign, which may be one token, counts once."""
    letters = sum(len(_RUNS.sub(r"\1", text)) for texts in texts_of(payload) for text in texts)
    return letters // _CHARACTERS_PER_TOKEN


def cut_error(native: Mapping[str, Any], least: int, num_ctx: int) -> dict[str, Any] | None:
    """OpenAI's error for an answer to a prompt that was cut; None: it was read whole, as far as can be told."""
    read = native.get("prompt_eval_count") or 0  # none where the whole prompt was kept from before
    if not native.get("done") or not 0 < read < least:
        return None
    sentence = (
        f"Ollama cut the prompt: it read {read} tokens of {least} or more, its context is {num_ctx}. Shorten the "
        "prompt, or raise context_tokens of this engine."
    )
    return {"message": sentence, "type": "invalid_request_error", "param": "messages", "code": CUT}
