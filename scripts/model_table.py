"""deploy/models.tsv, which setup.sh reads on hosts without Python, made of the cards of inference/models.

    .venv/bin/python -m scripts.model_table            # prints it
    .venv/bin/python -m scripts.model_table --write    # puts it into its place

A card whose file has `setup = N` in inference/models/cards/chat.toml is the Nth of its engine's rows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inference.models.catalogue import Card, Catalogue

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "deploy" / "models.tsv"
GIB = 2**30
HEAD = """\
# The models that setup.sh offers, one a line, for each engine the default first. Made by scripts/model_table.py of the
# cards in inference/models/cards/chat.toml: change those. Columns, with one tab between them:
#   engine  model (as its hub calls it)  served name  format  weights in GiB  bytes of KV cache a token  longest context
#   hub: open, or gated (its maker wants to know who takes it: a token)  licence
#   and what the numbers are made of: billions of parameters in linear layers, in embeddings; layers; KV heads; head
#   size
# Sources: each model's card (parameters) and its config.json (num_hidden_layers, num_key_value_heads, head_dim,
# max_position_embeddings); for GGUF the sizes of the files.
#   weights = linear x bytes + embeddings x 2 bytes    BF16: 2 bytes, FP8: 1, AWQ: 4.16 bits (with scale, zero point)
#   KV cache a token = 2 (keys and values) x layers x KV heads x head size x 2 bytes (BF16)
"""


def table() -> str:
    """The whole file."""
    cards = [card for card in Catalogue().cards if card.setup]
    rows = sorted(cards, key=lambda card: (bool(card.ollama), card.setup))
    return HEAD + "".join("\t".join(_row(card)) + "\n" for card in rows)


def _row(card: Card) -> list[str]:
    shape = card.shape
    assert shape is not None, "only language models are offered"
    by_ollama = bool(card.ollama)
    made_of = ("", "")
    if not by_ollama:
        made_of = (_billions(card.linear_parameters), _billions(card.parameters - card.linear_parameters))
    return [
        "ollama" if by_ollama else "vllm",
        card.ollama or card.repository,
        card.ollama or card.model,
        card.quantisation if by_ollama else card.quantisation.upper(),
        f"{card.weight_bytes / GIB:.1f}",
        str(shape.kv_bytes_per_token()),
        str(shape.longest_context),
        "gated" if card.is_gated else "open",
        card.licence,
        *made_of,
        *(str(number) for number in (shape.layers, shape.kv_heads, shape.head_dim)),
    ]


def _billions(parameters: int) -> str:
    return f"{parameters / 1e9:.4g}"


def main() -> None:
    """The command line."""
    if "--write" in sys.argv[1:]:
        TABLE.write_text(table(), encoding="utf-8")
    else:
        print(table(), end="")


if __name__ == "__main__":
    main()
