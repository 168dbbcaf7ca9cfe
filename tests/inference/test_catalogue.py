"""The cards: whole, consistent with themselves, and what is said of them in documents is so."""

from __future__ import annotations

import pytest

from inference.models.catalogue import Card, Catalogue
from inference.models.model_shape import ModelShape

CARDS = Catalogue()
CHAT = [card for card in CARDS.cards if card.shape is not None]


def _shape(card: Card) -> ModelShape:
    assert card.shape is not None
    return card.shape


def test_every_name_is_one_cards() -> None:
    """Names, and places on a hub: a pull gets what was meant."""
    names = [card.name for card in CARDS.cards]
    places = [(card.repository, card.file) for card in CARDS.cards]

    assert len(set(names)) == len(names) >= 130
    assert len(set(places)) == len(places)
    assert all(card.repository.count("/") == 1 and card.licence and card.title for card in CARDS.cards)


@pytest.mark.parametrize(
    "family", ["llama-3.1", "llama-3.2", "llama-3.3", "llama-4", "qwen2.5", "qwen3", "mistral"]
)
def test_the_families_that_people_ask_for_are_there(family: str) -> None:
    """In more than one size or quantisation, and one of them speaks Spanish."""
    own = [card for card in CHAT if card.name.startswith(family)]

    assert len(own) >= 3 and any(card.speaks("es") for card in own)


def test_search_and_speech_have_theirs() -> None:
    """Embedders and rerankers that know Spanish, Whisper from tiny to large."""
    by_purpose = {
        purpose: [card for card in CARDS.cards if card.purpose == purpose]
        for purpose in ("embedding", "reranker", "transcription")
    }

    assert all(len(cards) >= 4 for cards in by_purpose.values())
    assert all(card.dimension and card.speaks("es") for card in by_purpose["embedding"])
    assert {card.name for card in by_purpose["transcription"]} >= {"whisper-tiny", "whisper-large-v3-turbo"}


@pytest.mark.parametrize("card", CHAT, ids=lambda card: card.name)
def test_a_shape_holds_together(card: Card) -> None:
    """Parameters follow from layers and widths, within what norms, biases and experts explain."""
    shape = _shape(card)
    attention = 2 * shape.hidden * shape.head_dim * (shape.heads + shape.kv_heads)
    mlp = 3 * shape.hidden * shape.intermediate
    active = shape.layers * (attention + mlp) + shape.vocabulary * shape.hidden
    dense = shape.experts_per_token == 0

    assert shape.heads % shape.kv_heads == 0 and shape.windowed_layers < shape.layers
    assert bool(shape.window) == bool(shape.windowed_layers)
    assert shape.active_parameters <= shape.parameters
    if dense:
        assert shape.parameters == pytest.approx(active, rel=0.12)
    else:
        assert active < shape.parameters * 1.05


@pytest.mark.parametrize("card", CHAT, ids=lambda card: card.name)
def test_weights_follow_from_the_quantisation(card: Card) -> None:
    """Bits of each parameter, between the least that its quantisation takes and what embeddings add."""
    bits = card.weight_bytes * 8 / card.parameters
    least, most = {
        "bf16": (15.9, 20.3),
        "fp8": (8, 12.5),
        "awq": (4.1, 8.5),
        "gptq": (4.1, 8.5),
        "int4": (4.1, 6.5),
        "mxfp4": (4.2, 5.4),
        "MXFP4": (4.2, 5.4),
        "Q4_K_M": (4.4, 5.4),
        "Q8_0": (8.4, 8.6),
    }[card.quantisation]

    assert least <= bits <= most


def test_known_sizes_are_what_the_hub_says() -> None:
    """A few that everybody knows, in GiB."""
    expected = {
        "llama-3.1-8b": 14.96,
        "llama-3.3-70b": 131.4,
        "qwen2.5-7b": 14.19,
        "gpt-oss-20b": 12.82,
        "llama-3.1-8b-q4_k_m": 4.58,
        "mistral-7b": 13.5,
        "phi-4": 27.3,
    }
    for name, gib in expected.items():
        card = CARDS.find(name)
        assert card is not None and card.weight_bytes / 2**30 == pytest.approx(gib, rel=0.005), name


def test_a_model_is_found_by_any_of_its_names() -> None:
    """Its name here, its repository, Ollama's; and its sisters with it."""
    card = CARDS.find("meta-llama/Llama-3.1-8B-Instruct")

    assert card is not None and card is CARDS.find("LLAMA-3.1-8B")
    found = CARDS.find("llama3.1:8b")
    assert found is not None and found.quantisation == "Q4_K_M"
    assert {sister.quantisation for sister in CARDS.siblings(card)} >= {
        "fp8",
        "awq",
        "gptq",
        "Q4_K_M",
        "Q8_0",
    }
    assert CARDS.find("") is None and CARDS.find("nobody/knows") is None
    assert CARDS.alternatives(_shape(found))


def test_what_needs_a_token_says_so() -> None:
    """The makers' own repositories of Llama and Gemma."""
    gated = {card.repository.partition("/")[0] for card in CARDS.cards if card.is_gated}

    assert gated == {"meta-llama", "google"}
