"""What it gains that callers of the embedding process share batches: 32 callers, each with one text at a time.

    python scripts/bench_embeddings.py [--callers 32] [--texts 640] [--sentence-transformers PYTHON]

Measured in one run, each way in turns, on the built-in int8 model and on the same model with float products, which is
what models in an ONNX folder are. PYTHON: an interpreter that has sentence-transformers, to compare with it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
from safetensors.numpy import load_file

from inference.embedding import build_minilm
from inference.embedding.joining import Joining
from inference.embedding.lanes import Lanes
from inference.embedding.model_folder import ModelFolder
from inference.embedding.onnx_embedder import OnnxEmbedder, OnnxFolder
from inference.embedding.served_models import LocalModel

SENTENCE = "the dock doors close at six and open again early on weekdays when lorries bring fresh goods"
WORDS = SENTENCE.split()
ROUNDS = 3


def texts_of(count: int) -> list[str]:
    """Questions and short passages, all different."""
    rng = np.random.default_rng(7)
    return [" ".join(rng.choice(WORDS, int(rng.integers(6, 40)))) + f" {n}" for n in range(count)]


class _Float(build_minilm._Draft):
    """Products of floats instead of int8."""

    def linear(self, x: str, weights: build_minilm.Floats, offsets: build_minilm.Floats) -> str:
        return self.add("Add", self.add("MatMul", x, self.constant(weights)), self.constant(offsets))


def float_folder(folder: Path) -> Path:
    """MiniLM as `optimum-cli export onnx` would leave it, but pooled already."""
    source = build_minilm.weights_folder()
    weights = {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in load_file(source / "model.safetensors").items()
        if tensor.dtype != np.int64
    }
    quantised, build_minilm._Draft = build_minilm._Draft, _Float  # type: ignore[misc]
    try:
        graph = build_minilm.graph(json.loads((source / "config.json").read_text()), weights)
    finally:
        build_minilm._Draft = quantised  # type: ignore[misc]
    onnx.save(graph, str(folder / "model.onnx"))
    for name in ("tokenizer.json", "config.json"):
        shutil.copyfile(source / name, folder / name)
    return folder


async def rate(model: LocalModel, texts: Sequence[str], callers: int, *, joins: bool) -> float:
    """Texts a second with so many callers, one thread. joins False: every text is a batch of its own."""
    loop = asyncio.get_running_loop()
    plan: Callable[[Sequence[str]], list[list[int]]] = model.plan if joins else _alone
    with ThreadPoolExecutor(1) as pool:

        async def run(batch: list[str]) -> build_minilm.Floats:
            return await loop.run_in_executor(pool, model.vectors, batch)

        joining = Joining(run, plan, Lanes(1))

        async def caller(own: Sequence[str]) -> None:
            for text in own:
                await joining.vectors([text])

        started = time.perf_counter()
        await asyncio.gather(*(caller(texts[n::callers]) for n in range(callers)))
        return len(texts) / (time.perf_counter() - started)


def _alone(texts: Sequence[str]) -> list[list[int]]:
    return [[place] for place in range(len(texts))]


def sentence_transformers_rates(python: str, texts: Sequence[str]) -> dict[str, float]:
    """The library by itself with one thread: a text at a time, and 32 together."""
    program = (
        "import json,sys,time,torch\nfrom sentence_transformers import SentenceTransformer\n"
        "torch.set_num_threads(1)\nm=SentenceTransformer(sys.argv[1],device='cpu')\nt=json.load(sys.stdin)\n"
        "m.encode(t[:8])\nr={}\nfor n in (1,32):\n s=time.perf_counter()\n"
        " [m.encode(t[i:i+n],batch_size=n) for i in range(0,len(t),n)]\n r[n]=len(t)/(time.perf_counter()-s)\n"
        "print(json.dumps(r))"
    )
    folder = str(build_minilm.weights_folder())
    done = subprocess.run(
        [python, "-c", program, folder],
        input=json.dumps(list(texts)),
        capture_output=True,
        text=True,
        check=True,
    )
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rates


async def main() -> None:
    """Print one row a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--texts", type=int, default=640)
    parser.add_argument("--sentence-transformers", default="", metavar="PYTHON")
    options = parser.parse_args()
    texts = texts_of(options.texts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models: dict[str, LocalModel] = {
            "built-in, int8": OnnxEmbedder(build_minilm.ensure(folder / "built")),
            "ONNX folder, float": OnnxFolder(ModelFolder(float_folder(folder))),
        }
        for label, model in models.items():
            model.vectors(texts[:8])
            found: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(ROUNDS):
                for joins in (False, True):
                    found[joins].append(await rate(model, texts, options.callers, joins=joins))
            alone, joined = statistics.median(found[False]), statistics.median(found[True])
            print(f"{label}: alone {alone:.0f}/s, joined {joined:.0f}/s, gain {joined / alone:.2f}")
    if options.sentence_transformers:
        rates = sentence_transformers_rates(options.sentence_transformers, texts)
        print(f"sentence-transformers: one at a time {rates['1']:.0f}/s, 32 together {rates['32']:.0f}/s")


if __name__ == "__main__":
    asyncio.run(main())
