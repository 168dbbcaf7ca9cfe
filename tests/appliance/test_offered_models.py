"""The names a person may ask for."""

from __future__ import annotations

from appliance.services.offered_models import embedded_names


def test_the_embedded_model_answers_to_its_plain_name() -> None:
    """Nobody has to type the build's hash; an alias of either name leads to it too."""
    aliases = {"text-embedding-3-small": "mini", "old": "mini@abc", "gpt-4o-mini": "llama"}

    assert embedded_names("mini@abc", aliases) == ["mini", "mini@abc", "text-embedding-3-small", "old"]
