"""How a word may be spelled in a related language."""

from __future__ import annotations

import pytest

from rag.cognates import cognates


@pytest.mark.parametrize(
    ("spanish", "english"),
    [
        ("legislación", "legislation"),
        ("farmacéuticos", "pharmaceutical"),
        ("sistema", "system"),
        ("admisión", "admission"),
        ("aplicaciones", "application"),
        ("desobediencia", "disobedience"),
        ("oficiales", "official"),
        ("teatro", "theatre"),
        ("himno", "hymn"),
        ("actividades", "activity"),
    ],
)
def test_a_spanish_word_is_spelled_as_in_english(spanish: str, english: str) -> None:
    """Endings, letters and doubled consonants; whatever its number."""
    assert english in cognates(spanish, "es", "en")


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("legislation", "legislacion"),
        ("system", "sistema"),
        ("theatre", "teatro"),
        ("colony", "colonia"),
        ("molecules", "molecula"),
        ("quality", "cualidad"),
    ],
)
def test_an_english_word_is_spelled_as_in_spanish(english: str, spanish: str) -> None:
    """Without accents, as the index has it."""
    assert spanish in cognates(english, "en", "es")


def test_what_is_alike_by_chance_is_left_alone() -> None:
    """Short words, and languages that nobody has written endings for; nor do guesses grow beyond measure."""
    assert not cognates("mesa", "es", "en")
    assert not cognates("legislation", "en", "de")
    assert not cognates("", "es", "en")
    assert len(cognates("otorrinolaringológicamente" * 3, "es", "en")) < 200
