"""A tiny real cross-encoder, made on the spot: its logit is twice the words that both texts share, less three."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "leave",
    "days",
    "laptop",
    "canteen",
    "opens",
    "noon",
    "how",
    "many",
    "thirty",
]


def make_cross_encoder(folder: Path) -> Path:
    """Write it into a new folder of that name."""
    folder.mkdir()
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "n"]) for name in names]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 1])
    numbers = {"columns": [2], "rows": [1], "ends": [2], "one": [1]}
    constants = [helper.make_tensor(name, TensorProto.INT64, [1], value) for name, value in numbers.items()]
    constants += [
        helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
        helper.make_tensor("three", TensorProto.FLOAT, [], [3.0]),
        helper.make_tensor("sides", TensorProto.INT64, [2], [1, 2]),
    ]
    steps = [
        ("Unsqueeze", ["input_ids", "columns"], "as_column", {}),
        ("Unsqueeze", ["input_ids", "rows"], "as_row", {}),
        ("Equal", ["as_column", "as_row"], "equal", {}),
        ("Greater", ["input_ids", "ends"], "is_word", {}),
        ("Equal", ["token_type_ids", "one"], "is_text", {}),
        ("Not", ["is_text"], "is_question", {}),
        ("And", ["is_word", "is_question"], "asked", {}),
        ("Unsqueeze", ["asked", "columns"], "asked_column", {}),
        ("Unsqueeze", ["is_text", "rows"], "text_row", {}),
        ("And", ["asked_column", "text_row"], "across", {}),
        ("And", ["equal", "across"], "shared", {}),
        ("Cast", ["shared"], "counted", {"to": TensorProto.FLOAT}),
        ("ReduceSum", ["counted", "sides"], "sum", {"keepdims": 0}),
        ("Mul", ["sum", "two"], "doubled", {}),
        ("Sub", ["doubled", "three"], "less", {}),
        ("Unsqueeze", ["less", "one"], "logits", {}),
    ]
    nodes = [helper.make_node(kind, given, [made], **more) for kind, given, made, more in steps]
    graph = helper.make_graph(nodes, "shared-words", inputs, [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, str(folder / "model.onnx"))
    return folder
