"""The cards' table: the numbers come from the models' own, and the pages say what is computed now."""

from __future__ import annotations

import pytest

from inference.gpus import Gpu
from inference.models.catalogue import Catalogue
from inference.placement.gpu_sum import lay_out
from inference.placement.wish import Wish
from scripts.card_table import CARDS, CONTEXT, ROOT, SHARE, SUGGESTED, TABLES, fits, renewed
from scripts.model_table import TABLE, table

GIB = 2**30
BYTES = {"BF16": 2.0, "FP8": 1.0, "AWQ": (4 + (16 + 4) / 128) / 8}
"""Of one weight in a linear layer; AWQ: four bits, and for each group of 128 a scale and a zero point."""


def _models() -> list[list[str]]:
    lines = (ROOT / "deploy" / "models.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def test_every_model_has_all_its_columns() -> None:
    """Also where nothing is known: setup.sh reads them by their place."""
    assert {len(row) for row in _models()} == {14}
    assert {row[7] for row in _models()} <= {"open", "gated"}


@pytest.mark.parametrize("row", _models(), ids=lambda row: str(row[1]))
def test_weights_and_cache_follow_from_the_model(row: list[str]) -> None:
    """Parameters times bytes; keys and values of every layer."""
    weights, cache_bytes = float(row[4]), int(row[5])
    layers, heads, size = map(int, row[11:])

    assert cache_bytes == 2 * layers * heads * size * 2
    if row[0] == "vllm":
        linear, embeddings = float(row[9]) * 1e9, float(row[10]) * 1e9
        assert weights == pytest.approx((linear * BYTES[row[3]] + embeddings * 2) / GIB, abs=0.06)


@pytest.mark.parametrize("card", CARDS)
def test_places_and_people_are_what_the_formula_says(card: str) -> None:
    """Computed again without awk: what setup.sh tells an operator about the card."""
    rows = {row[1]: row for row in _models()}
    for fit in fits(CARDS[card]):
        row = rows[fit.model]
        room = CARDS[card] / 1024 * SHARE - float(row[4]) * 1.05 - 2
        places = max(0, int(room * GIB / (8000 * int(row[5]))))
        context = min(CONTEXT, int(row[6]))

        assert fit.at_once == places
        assert fit.people == int(min(places, 64) / 2 * 3600 / (12 * 20))
        assert fit.fits == (room * GIB >= context * int(row[5]))
        assert fit.longest_context <= int(row[6])
        assert fit.longest_context * int(row[5]) <= max(0.0, room) * GIB


def test_what_is_suggested_fits() -> None:
    """With the context of the compose file, and for more than a handful at once."""
    for card, models in SUGGESTED.items():
        found = {fit.model: fit for fit in fits(CARDS[card])}
        assert all(found[model].fits and found[model].at_once >= 8 for model in models), card


def test_the_share_and_context_are_the_compose_files_own() -> None:
    """What the table assumes is what starts."""
    compose = (ROOT / "docker-compose.gpu.yml").read_text(encoding="utf-8")

    assert f"${{GPU_MEMORY_SHARE:-{SHARE:.2f}}}" in compose
    assert f"${{MODEL_CONTEXT_TOKENS:-{CONTEXT}}}" in compose


@pytest.mark.parametrize("path", TABLES)
def test_the_pages_show_the_table(path: str) -> None:
    """`.venv/bin/python scripts/card_table.py --write` brings it up to date."""
    assert (ROOT / path).read_text(encoding="utf-8") == renewed(path)


def test_the_table_is_made_of_the_cards() -> None:
    """One source: `.venv/bin/python -m scripts.model_table --write` brings deploy/models.tsv up to date."""
    assert TABLE.read_text(encoding="utf-8") == table()


@pytest.mark.parametrize("card", CARDS)
def test_awk_and_the_planner_agree(card: str) -> None:
    """setup.sh, on a host without Python, offers what `appliance model plan` would: the same, for as many.

    The planner with vLLM at 64 requests at once, as many as the table counts at most.
    """
    gpu = Gpu(0, card, "", memory_bytes=CARDS[card] << 20)
    for fit in fits(CARDS[card]):
        found = Catalogue().find(fit.model)
        assert found is not None and found.shape is not None
        context = min(CONTEXT, found.longest_context)
        wish = Wish(context_tokens=context, slots=1, max_utilisation=SHARE, max_running=64)
        layout = lay_out(found.shape, [gpu], wish)
        at_once = layout.cache.conversations(layout.room_bytes, 8000)

        assert fit.fits == (layout.room_bytes >= layout.cache.conversation_bytes(context)), fit.model
        assert at_once - 3 <= fit.at_once <= at_once * 1.03 + 1, fit.model
