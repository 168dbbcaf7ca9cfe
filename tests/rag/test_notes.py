"""Notes of a reading: an English sentence that keeps its code and values on every way it goes."""

from __future__ import annotations

import pytest

from rag.documents import ParsedDocument
from rag.errors import DocumentTooLarge
from rag.notes import SENTENCES, Note, about_pages, as_json, counted, from_json, places
from rag.sandbox.wire import HEADER, decode_document, decode_refusal, encode_document, encode_refusal


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_every_note_comes_back_from_where_it_is_kept(code: str) -> None:
    """Sentence, code and values are the same after JSON, whatever stands in the places."""
    note = Note(code, **{name: f"{{{name}}} ñ" for name in places(SENTENCES[code])})

    back = from_json(as_json(note))

    assert isinstance(back, Note)
    assert (str(back), back.code, dict(back.values)) == (str(note), code, dict(note.values))


def test_one_and_several_have_their_own_sentences() -> None:
    """A page is named in the singular, many are shortened."""
    assert about_pages("pages_blank", [3]) == ("Page 3 is blank.",)
    assert about_pages("pages_blank", [2, 3]) == ("Pages 2, 3 are blank.",)
    assert about_pages("pages_blank", range(1, 40))[0].values["pages"].endswith("20 …")
    assert counted("members_broken", 1).startswith("1 files")  # no sentence of its own


def test_notes_and_the_detail_of_a_refusal_pass_the_sandbox() -> None:
    """What the child says is written again from its code here, never taken as it stands."""
    document = ParsedDocument("text/plain", (), notes=(Note("csv_quotes"), "a sentence without a code"))
    refusal = DocumentTooLarge(Note("too_many_pages", count=300, most=200))

    notes = decode_document(encode_document(document)[HEADER.size :]).notes
    told = decode_refusal(encode_refusal(refusal)[HEADER.size :])

    assert notes == document.notes and isinstance(notes[0], Note) and not isinstance(notes[1], Note)
    assert isinstance(told.detail, Note) and told.detail.code == "too_many_pages"
    assert str(told).endswith("It has 300 pages; 200 are allowed.")


@pytest.mark.parametrize(
    "kept",
    [
        7,
        {"code": "csv_quotes"},
        {"code": "unheard_of", "values": {}},
        {"code": ["csv_quotes"], "values": {}},
        {"code": "pages_blank", "values": {}},
        {"code": "pages_blank", "values": {"pages": 3}},
        {"code": "csv_quotes", "values": {"more": "x"}},
    ],
    ids=[
        "number",
        "no values",
        "unknown",
        "no text",
        "missing place",
        "no text in a place",
        "too many places",
    ],
)
def test_what_was_never_written_is_refused(kept: object) -> None:
    """A hostile child invents neither codes nor places."""
    with pytest.raises(ValueError, match="note"):
        from_json(kept)
