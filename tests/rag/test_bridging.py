"""Questions in words of another language."""

from __future__ import annotations

from importlib import resources

from rag.analysis import Analyzer
from rag.bridging import Bridging

ANALYZER = Analyzer()
BRIDGING = Bridging(ANALYZER)


def test_a_spanish_question_is_asked_in_english_words() -> None:
    """Word by word, inflected forms by their stem; every translation is searched for."""
    (found,) = BRIDGING.bridged("¿Qué longitud deben tener las contraseñas?", "es")

    assert found.language == "en"
    assert {"length", "password"} <= set(found.text.split())
    assert any("=passcode" in word.terms and "password" in word.terms for word in found.words)


def test_an_english_question_is_asked_in_spanish_words() -> None:
    """The same list serves both ways."""
    (found,) = BRIDGING.bridged("Who pays the fine for the truck?", "en")

    assert {"multa", "camión"} <= set(found.text.split())


def test_names_and_numbers_stay_as_they_are() -> None:
    """They are the same in both languages."""
    (found,) = BRIDGING.bridged("¿Cuánto cuesta el hotel de Rotterdam en 2026?", "es")

    assert {"Rotterdam", "2026", "hotel"} <= set(found.text.split())


def test_too_few_known_words_make_no_question() -> None:
    """Guessing from one word in four would find anything; nor is there a bridge where a language is not set up."""
    assert not list(BRIDGING.bridged("¿Qué zascandil desface entuertos baldíos?", "es"))
    assert not list(BRIDGING.bridged("Wie lang muss das Passwort sein?", "de"))
    assert not list(BRIDGING.bridged("¿Qué longitud tiene la contraseña?", None))
    assert not list(Bridging(Analyzer(("es", "fr"))).bridged("¿Qué longitud tiene la contraseña?", "es"))


def test_what_the_list_lacks_is_guessed_from_its_spelling_where_the_index_has_it() -> None:
    """Guesses come first, to be looked up; those that nothing has are dropped, and the word stays as it is."""
    question = "¿Qué vegetación tienen las dicotiledóneas?"
    guesses = BRIDGING.guesses(question, "es")
    assert "=vegetation" in guesses
    assert not BRIDGING.guesses(question, None)

    (found,) = BRIDGING.bridged(question, "es", frozenset({"=vegetation"}))

    assert "vegetation" in found.text.split()
    assert "dicotiledóneas" in found.text.split()


def test_a_text_is_glossed_for_a_model_that_knows_another_language() -> None:
    """Word by word, each by its first translation; nothing where no list leads to a language that the model knows."""
    assert (
        BRIDGING.glossed("Las contraseñas se cambian cada 90 días.", "es", {"en"})
        == "password change each 90 day"
    )
    assert BRIDGING.glossed("Las contraseñas", "es", {"fr"}) is None
    assert BRIDGING.glossed("Las contraseñas", None, {"en"}) is None


def test_every_line_of_the_list_says_something() -> None:
    """A word and at least one translation, nothing but letters and hyphens, no translation twice in a line."""
    text = (resources.files("rag") / "bilingual" / "es-en.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]

    assert len(lines) > 800
    for word, *translations in lines:
        assert translations, word
        assert len(set(translations)) == len(translations), word
        assert all(one.replace("-", "").isalpha() for one in (word, *translations)), word
