"""Which kind of thing a question asks for, and whether a text can hold one."""

from __future__ import annotations

import pytest

from rag.asked_for import lacks_kind

TEXT = "The desk answers calls during the week. Ask the porter for help."


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("What is the CEO's phone number?", "Call 976 555 020."),
        ("¿Cuál es el teléfono del director?", "Llama al 976 555 020."),
        ("What is the email address of the porter?", "Write to porter@example.org."),
        ("¿Cuál es la dirección de correo de Ana?", "Escribe a ana@example.org."),
        ("How many people work at the desk?", "Three people work there."),
        ("¿Cuántos días dura?", "Dura dos días."),
        ("How long is the break?", "15 minutes."),
        ("In which year was it built?", "It was built in 1994."),
        ("How often are they checked?", "Twice."),
        ("¿A qué temperatura se guardan?", "A cuatro grados."),
        ("¿Cuánto dura la pausa?", "Dura una hora."),
        ("How long is the break?", "It takes an hour."),
    ],
)
def test_a_text_without_the_kind_cannot_answer(question: str, holds: str) -> None:
    """However near its topic is; one that holds such a thing may."""
    assert lacks_kind(question, TEXT)
    assert not lacks_kind(question, f"{TEXT} {holds}")


def test_an_article_is_no_number() -> None:
    """Every Spanish text has an "un" or "una"; only before a unit does it count."""
    assert lacks_kind("¿Cuántos coches hay?", "Hay un garaje y una rampa.")
    assert not lacks_kind("¿Cuánto dura?", "Dura una semana.")


@pytest.mark.parametrize(
    "question", ["When does it open?", "¿Cuándo abre?", "¿A qué hora abre?", "What time is it?"]
)
def test_a_question_for_a_time_wants_one(question: str) -> None:
    """A number, a day, a month, or a word for before, after or until something."""
    assert lacks_kind(question, "The door is made of glass. La puerta es de vidrio.")
    for held in ("It opens at 9.", "Abre el lunes.", "It opens after lunch.", "Abre en verano."):
        assert not lacks_kind(question, held)


@pytest.mark.parametrize("question", ["Who answers calls?", "How do I get help?", "¿Quién contesta?", ""])
def test_other_questions_lack_nothing(question: str) -> None:
    """Names, reasons and ways cannot be told by their looks."""
    assert not lacks_kind(question, TEXT)
