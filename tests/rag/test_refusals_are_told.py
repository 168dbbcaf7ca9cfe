"""Why a document was refused is said by a code, so that the page can say it in the reader's language."""

from __future__ import annotations

import ast
from pathlib import Path

from rag import errors
from rag.errors import DocumentRefused, DocumentTooLarge
from rag.notes import Note

RAG = Path(errors.__file__).parent
REFUSALS = {
    name
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, DocumentRefused)
}
# Where a sentence without a code is right, and why.
FREE = {
    "rendering": "a page that is not drawn is shown as text, without a word of this",
    "sandbox/child.py": "for operators: a parser that is not installed",
    "sandbox/client.py": "for operators: a page that could not be drawn",
}


def _written_out(path: Path) -> list[str]:
    """Refusals of a file whose reason is a sentence in place."""
    return [
        f"{path.name}:{call.lineno}"
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in REFUSALS
        and call.args
        and isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
    ]


def test_every_reason_is_known_by_a_code() -> None:
    """A new one goes into rag.notes, and the test of the page's texts then asks for its Spanish."""
    found = {
        place
        for path in RAG.rglob("*.py")
        if not str(path.relative_to(RAG)).startswith(tuple(FREE))
        for place in _written_out(path)
    }

    assert found == set()


def test_a_reason_says_the_same_as_before_with_its_values() -> None:
    """The English sentence stays what programs and logs have always read."""
    refusal = DocumentTooLarge(Note("slides_over", most=2_000))

    assert str(refusal).endswith("It has more than 2000 slides.")
    assert isinstance(refusal.detail, Note) and refusal.detail.values == {"most": "2000"}
