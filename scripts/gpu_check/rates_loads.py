"""How fast Whisper's and embedders' architectures go with random weights; prints one line of JSON.

    PYTHONPATH=. python -m scripts.gpu_check.rates_loads speech --device cuda --seconds 30

The weights are noise, so only speed is told. Needs torch and transformers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import BertConfig, BertModel, WhisperConfig, WhisperForConditionalGeneration

WHISPERS = {  # encoder and decoder layers, width, heads, mel bands: as OpenAI published them
    "tiny": (4, 4, 384, 6, 80),
    "small": (12, 12, 768, 12, 80),
    "large-v3-turbo": (32, 4, 1280, 20, 128),
    "large-v3": (32, 32, 1280, 20, 128),
}
EMBEDDERS = {  # layers, width, heads, intermediate, vocabulary
    "MiniLM-L6": (6, 384, 12, 1536, 30_522),
    "multilingual-e5-base": (12, 768, 12, 3072, 250_002),
    "bge-m3": (24, 1024, 16, 4096, 250_002),
}
_WINDOW_S = 30.0
_WINDOW_TOKENS = 100  # somebody who speaks at the usual pace says so many in 30 s
_TEXT_TOKENS = 128


def repeated(work: Callable[[], object], seconds: float, device: str) -> tuple[int, float]:
    """(how often, in how many seconds), after one unmeasured time."""

    def done() -> None:
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    done()
    started, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - started < seconds:
        done()
        count += 1
    return count, time.perf_counter() - started


def speech(name: str, batch: int, device: str, dtype: torch.dtype, seconds: float) -> dict[str, Any]:
    """Windows of 30 s, `batch` together, each written out in 100 tokens."""
    encoder, decoder, width, heads, mels = WHISPERS[name]
    config = WhisperConfig(
        d_model=width,
        encoder_layers=encoder,
        decoder_layers=decoder,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        num_mel_bins=mels,
    )
    model = WhisperForConditionalGeneration(config).to(device, dtype).eval()
    sound = torch.randn(batch, mels, 3000, device=device, dtype=dtype)
    start = torch.full((batch, 1), config.decoder_start_token_id, device=device)

    @torch.inference_mode()
    def work() -> None:
        model.generate(
            sound,
            decoder_input_ids=start,
            min_new_tokens=_WINDOW_TOKENS,
            max_new_tokens=_WINDOW_TOKENS,
            do_sample=False,
        )

    count, took_s = repeated(work, seconds, device)
    return {"model": name, "batch": batch, "times_real_time": count * batch * _WINDOW_S / took_s}


def embedding(name: str, batch: int, device: str, dtype: torch.dtype, seconds: float) -> dict[str, Any]:
    """Texts of 128 tokens, `batch` together."""
    layers, width, heads, intermediate, vocabulary = EMBEDDERS[name]
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
    )
    model = BertModel(config, add_pooling_layer=False).to(device, dtype).eval()
    tokens = torch.randint(0, vocabulary, (batch, _TEXT_TOKENS), device=device)

    @torch.inference_mode()
    def work() -> None:
        model(input_ids=tokens).last_hidden_state.mean(1).cpu()

    count, took_s = repeated(work, seconds, device)
    return {"model": name, "batch": batch, "texts_per_s": count * batch / took_s}


def main() -> int:
    """All models of one kind, each for its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("speech", "embedding"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--smallest", action="store_true", help="only the smallest, to try it out")
    told = parser.parse_args()
    is_on_gpu = told.device.startswith("cuda")
    dtype = torch.bfloat16 if is_on_gpu else torch.float32
    torch.manual_seed(0)
    names, measure = (WHISPERS, speech) if told.kind == "speech" else (EMBEDDERS, embedding)
    chosen = list(names)[: 1 if told.smallest else None]
    batches = (1, 16) if is_on_gpu else (1,)
    each_s = told.seconds / len(chosen) / len(batches)
    found = [measure(name, batch, told.device, dtype, each_s) for name in chosen for batch in batches]
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
