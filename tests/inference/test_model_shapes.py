"""What a model's own files say of its size, and what happens when they are broken or lie."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inference.embedding.build_minilm import weights_folder
from inference.errors import ModelUnreadable
from inference.models.gguf_header import read_header, read_number
from inference.models.shape import ModelShape, describe_model
from tests.inference.shape_files import (
    LLAMA,
    llama_tensors,
    safetensors_bytes,
    tiny_gguf,
    write_folder,
)

TINY = Path(__file__).resolve().parents[1] / "models" / "tiny-llama.gguf"
DEEPSEEK = LLAMA | {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "num_key_value_heads": 4,
    "num_nextn_predict_layers": 1,
}


def _refused(path: Path) -> str:
    with pytest.raises(ModelUnreadable) as refused:
        describe_model(path)
    return str(refused.value)


def test_a_real_gguf_says_all_that_planning_needs() -> None:
    """The small Llama that the other tests talk to."""
    shape = describe_model(TINY)

    assert (shape.architecture, shape.layers, shape.kv_heads, shape.head_dim) == ("llama", 2, 2, 64)
    assert (shape.format, shape.quantisation, shape.longest_context) == ("gguf", "Q8_0", 8192)
    assert shape.weight_bytes <= TINY.stat().st_size
    assert shape.kv_bytes_per_token() == 2 * 2 * 2 * 64 * 2


def test_a_real_folder_of_safetensors_is_known_as_an_embedder() -> None:
    """The embedding model that comes with the appliance."""
    shape = describe_model(weights_folder())

    assert (shape.purpose, shape.layers, shape.hidden, shape.quantisation) == ("embedding", 6, 384, "fp32")
    assert shape.parameters == pytest.approx(22.7e6, rel=0.01)
    assert shape.weight_bytes == pytest.approx(4 * shape.parameters, rel=0.001)


@pytest.mark.parametrize("parts", [1, 3])
def test_the_weights_are_the_sum_of_the_tensors(tmp_path: Path, parts: int) -> None:
    """Of all parts; not what an index claims."""
    shape = describe_model(write_folder(tmp_path / "small", LLAMA, llama_tensors(), parts))

    elements = 2 * 32 * 8 + 2 * (4 * 8 + 16 * 8)
    assert (shape.parameters, shape.weight_bytes, shape.quantisation) == (elements, 2 * elements, "bf16")
    assert (shape.name, shape.head_dim, shape.is_known) == ("small", 2, True)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"sliding_window": 128, "model_type": "mistral"}, (128, 2)),
        ({"sliding_window": 128, "model_type": "qwen2", "use_sliding_window": False}, (0, 0)),
        ({"sliding_window": 128, "model_type": "gemma2"}, (128, 1)),
        ({"sliding_window": 128, "model_type": "nobody-knows-it"}, (0, 0)),
        ({"sliding_window": 4096, "model_type": "mistral"}, (0, 0)),
        (
            {
                "sliding_window": 128,
                "model_type": "gpt_oss",
                "layer_types": ["sliding_attention", "full_attention"],
            },
            (128, 1),
        ),
    ],
    ids=["mistral", "qwen2", "gemma2", "unknown", "wider-than-the-context", "gpt-oss"],
)
def test_a_window_counts_only_where_the_family_is_known_to_use_it(
    tmp_path: Path, config: dict[str, Any], expected: tuple[int, int]
) -> None:
    """Otherwise every layer keeps everything: too much planned is idle memory, too little an engine that dies."""
    shape = describe_model(write_folder(tmp_path, LLAMA | config, llama_tensors()))

    assert (shape.window, shape.windowed_layers) == expected


def test_a_latent_is_counted_only_where_the_engine_keeps_one(tmp_path: Path) -> None:
    """DeepSeek keeps 576 numbers of a token in a layer; what looks like it and is unknown, whole keys and values."""
    known = describe_model(write_folder(tmp_path / "known", DEEPSEEK, llama_tensors()))
    alike = describe_model(
        write_folder(tmp_path / "alike", DEEPSEEK | {"model_type": "alike"}, llama_tensors(keys=4 * 192))
    )

    assert known.kv_elements == 576
    assert alike.kv_elements == 2 * 4 * 192 and not alike.is_known


def test_packed_weights_and_experts_are_counted_as_what_they_are(tmp_path: Path) -> None:
    """Eight weights in an I32, scales apart; of eight experts a token goes through two."""
    config = LLAMA | {"quantization_config": {"quant_method": "awq"}, "model_type": "mixtral"}
    config |= {"num_local_experts": 8, "num_experts_per_tok": 2}
    tensors = {
        **llama_tensors(),
        "model.layers.0.block_sparse_moe.experts.0.w1.qweight": ("I32", (8, 4)),
        "model.layers.0.block_sparse_moe.experts.0.w1.scales": ("BF16", (1, 32)),
    }
    shape = describe_model(write_folder(tmp_path, config, tensors))

    plain = 2 * 32 * 8 + 2 * (4 * 8 + 16 * 8)
    assert (shape.quantisation, shape.experts_per_token) == ("awq", 2)
    assert shape.parameters == plain + 8 * 4 * 8
    assert shape.active_parameters == plain + 8 * 4 * 8 // 4


def test_what_sees_is_measured_by_its_language_part(tmp_path: Path) -> None:
    """Gemma 3: figures in text_config, half of them left to the defaults; the eyes only add weight."""
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {
            "model_type": "gemma3_text",
            "hidden_size": 8,
            "intermediate_size": 16,
            "num_hidden_layers": 6,
            "sliding_window": 1024,
        },
        "vision_config": {"hidden_size": 99, "num_hidden_layers": 27},
    }
    tensors = llama_tensors(layers=6, keys=4 * 256, words=262_208)
    tensors["vision_tower.layers.26.k_proj.weight"] = ("BF16", (9, 9))
    shape = describe_model(write_folder(tmp_path, config, tensors))

    assert (shape.kv_heads, shape.head_dim, shape.window, shape.windowed_layers) == (4, 256, 1024, 5)


def test_an_unknown_architecture_says_so(tmp_path: Path) -> None:
    """It is described all the same, with the largest figures that its config.json leaves room for."""
    config = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
    shape = describe_model(
        write_folder(tmp_path, config | {"model_type": "brand-new"}, llama_tensors(keys=8))
    )

    assert (shape.is_known, shape.kv_heads) == (False, 4)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    """With an index or by the others' names alone."""
    folder = write_folder(tmp_path / "m", LLAMA, llama_tensors(), parts=3)
    lost = "model-00002-of-00003.safetensors"
    (folder / lost).unlink()

    assert lost in _refused(folder)
    (folder / "model.safetensors.index.json").unlink()
    assert lost in _refused(folder)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    """A download that broke off."""
    folder = write_folder(tmp_path / "m", LLAMA, llama_tensors())
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])

    assert "model.safetensors is cut off, or its header lies" in _refused(folder)


@pytest.mark.parametrize(
    "offsets", [[0, 1 << 40], [8, 4], [-8, 8], [0, 1024]], ids=["beyond", "backwards", "negative", "wrong"]
)
def test_a_header_that_lies_about_offsets_is_refused(tmp_path: Path, offsets: list[int]) -> None:
    """Whatever it claims, nothing is read or reserved for it."""
    header = json.dumps({"a": {"dtype": "BF16", "shape": [4], "data_offsets": offsets}}).encode()
    folder = write_folder(tmp_path / "m", LLAMA, llama_tensors())
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))

    assert "model.safetensors" in _refused(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_hidden_layers": 3}, "num_hidden_layers"),
        ({"num_hidden_layers": 1}, "num_hidden_layers"),
        ({"hidden_size": 16}, "hidden_size"),
        ({"vocab_size": 64}, "vocab_size"),
        ({"num_key_value_heads": 1}, "num_key_value_heads"),
        ({"head_dim": 64}, "num_key_value_heads x head_dim"),
    ],
    ids=["more-layers", "fewer-layers", "wider", "more-words", "fewer-heads", "larger-heads"],
)
def test_a_config_that_contradicts_the_tensors_is_refused(
    tmp_path: Path, change: dict[str, int], told: str
) -> None:
    """A lying config would make a plan that the engine does not survive."""
    sentence = _refused(write_folder(tmp_path, LLAMA | change, llama_tensors()))

    assert told in sentence and "lying config" in sentence


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"num_hidden_layers": "two"}', '{"num_hidden_layers": 2}', "[" * 100_000]
)
def test_a_spoilt_config_is_refused(tmp_path: Path, text: str) -> None:
    """No traceback, whatever somebody put there."""
    folder = write_folder(tmp_path, LLAMA, llama_tensors())
    (folder / "config.json").write_text(text, encoding="utf-8")

    assert "config.json" in _refused(folder)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    """It could run code; the sentence says so."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")

    assert "could run code" in _refused(tmp_path)


def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    """Nor promise a tensor that its file does not hold."""
    folder = write_folder(tmp_path / "m", LLAMA, llama_tensors())
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}), encoding="utf-8")

    assert "no safetensors file of this folder" in _refused(folder)
    index.write_text(json.dumps({"weight_map": {"ghost": "model.safetensors"}}), encoding="utf-8")
    assert "ghost" in _refused(folder)


def test_gguf_parts_are_added_up_and_missed(tmp_path: Path) -> None:
    """Any of them may be named."""
    one = tiny_gguf()
    whole = tmp_path / "tiny.gguf"
    whole.write_bytes(one)
    lone = tmp_path / "big-00002-of-00002.gguf"
    lone.write_bytes(one)

    assert describe_model(whole).weight_bytes == 2048 + 2 * 256
    assert "big-00001-of-00002.gguf" in _refused(lone)


def test_gguf_windows_count_where_llama_cpp_honours_them(tmp_path: Path) -> None:
    """Five of six layers of Gemma 3; a Llama's window is nobody's."""
    gemma, llama = tmp_path / "gemma.gguf", tmp_path / "llama.gguf"
    gemma.write_bytes(tiny_gguf("gemma3", layers=6, attention__sliding_window=512))
    llama.write_bytes(tiny_gguf("llama", attention__sliding_window=512))

    assert (describe_model(gemma).windowed_layers, describe_model(llama).windowed_layers) == (5, 0)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:100], "ends inside its header"),
        (lambda data: data[:-300], "lies beyond its end"),
        (lambda data: b"NOPE" + data[4:], "not a GGUF file"),
        (lambda data: data[:8] + struct.pack("<QQ", 1 << 62, 9) + data[24:], "more tensors or keys"),
        (lambda data: data.replace(b"block_count", b"block_kount"), "does not say"),
    ],
    ids=["cut-header", "cut-weights", "magic", "count", "no-layers"],
)
def test_a_broken_gguf_is_refused(tmp_path: Path, spoil: Any, told: str) -> None:
    """With what is wrong in the sentence."""
    file = tmp_path / "m.gguf"
    file.write_bytes(spoil(tiny_gguf()))

    assert told in _refused(file)


@pytest.mark.parametrize("layers", [1, 7, 1 << 31])
def test_a_gguf_that_says_another_number_of_layers_than_it_has_is_refused(
    tmp_path: Path, layers: int
) -> None:
    """The same lie as in a config.json; no number is so large that looking at it takes memory."""
    file = tmp_path / "m.gguf"
    file.write_bytes(tiny_gguf(block_count=layers))

    assert f"says {layers} layers" in _refused(file)


def test_one_number_is_read_without_the_rest() -> None:
    """What the engine asks at its start, and the whole header."""
    assert read_number(TINY, ".context_length") == 8192
    assert read_number(TINY, ".no_such_number") is None
    assert read_header(TINY).values["general.architecture"] == "llama"


def _described(path: Path) -> ModelShape | None:
    """None: refused in order. Anything else that is raised fails the test."""
    try:
        return describe_model(path)
    except ModelUnreadable:
        return None


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 900), junk=st.binary(min_size=1, max_size=9))
@example(at=8, junk=b"\xff" * 8)
@example(at=16, junk=b"\xff" * 8)
@example(at=24, junk=b"\xff" * 8)
def test_any_gguf_header_is_described_or_refused(tmp_path: Path, at: int, junk: bytes) -> None:
    """Bytes anywhere: never a traceback, and never more memory than the file has."""
    data = tiny_gguf()
    file = tmp_path / "m.gguf"
    file.write_bytes(data[:at] + junk + data[at + len(junk) :])

    shape = _described(file)

    assert shape is None or shape.weight_bytes <= file.stat().st_size


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 700), junk=st.binary(min_size=1, max_size=9))
@example(at=0, junk=b"\xff" * 8)
def test_any_safetensors_header_is_described_or_refused(tmp_path: Path, at: int, junk: bytes) -> None:
    """The same for the other format."""
    data = safetensors_bytes(llama_tensors())
    folder = write_folder(tmp_path / "m", LLAMA, llama_tensors())
    file = folder / "model.safetensors"
    file.write_bytes(data[:at] + junk + data[at + len(junk) :])

    shape = _described(folder)

    assert shape is None or shape.weight_bytes <= file.stat().st_size


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(
        [*LLAMA, "head_dim", "sliding_window", "rope_scaling", "quantization_config", "layer_types"]
    ),
    value=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(),
        st.text(max_size=5),
        st.lists(st.integers(-5, 5), max_size=3),
        st.dictionaries(
            st.sampled_from(["factor", "type", "quant_method", "config_groups"]), st.text(max_size=3)
        ),
    ),
)
@example(key="num_hidden_layers", value=1 << 39)
def test_any_config_is_described_or_refused(tmp_path: Path, key: str, value: Any) -> None:
    """Whatever stands where a number is expected."""
    folder = write_folder(tmp_path / "m", LLAMA, llama_tensors())
    (folder / "config.json").write_text(json.dumps(LLAMA | {key: value}), encoding="utf-8")

    shape = _described(folder)

    assert shape is None or (shape.layers == 2 and shape.kv_elements > 0)
