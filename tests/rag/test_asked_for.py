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
    ],
)
def test_a_text_without_the_kind_cannot_answer(question: str, holds: str) -> None:
    """However near its topic is; one that holds such a thing may."""
    assert lacks_kind(question, TEXT)
    assert not lacks_kind(question, f"{TEXT} {holds}")


@pytest.mark.parametrize("question", ["Who answers calls?", "How do I get help?", "¿Quién contesta?", ""])
def test_other_questions_lack_nothing(question: str) -> None:
    """Names, reasons and ways cannot be told by their looks."""
    assert not lacks_kind(question, TEXT)
