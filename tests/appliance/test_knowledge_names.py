"""File names and ids: rules without neighbours."""

from __future__ import annotations

import unicodedata
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import InvalidRequest, NotFound
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.filenames import MAX_BYTES, sanitise


@given(st.text(max_size=400))
@example("a\u202egpj.exe")
@example("x" * 300 + ".pdf")
@example("é" * 200 + ".docx")
@example("\ud800.txt")
def test_a_kept_name_is_harmless_or_refused(name: str) -> None:
    """Whatever was sent: one path part, no control or bidirectional characters, 1 to 255 bytes, and stable."""
    try:
        kept = sanitise(name)
    except InvalidRequest as error:
        assert error.param == "file"
        return

    assert 1 <= len(kept.encode()) <= MAX_BYTES
    assert "/" not in kept and "\\" not in kept and kept not in (".", "..")
    assert not any(unicodedata.category(c) in ("Cc", "Cs") or c in "\u202e\u2066\u200f" for c in kept)
    assert sanitise(kept) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\Informe.docx", "Informe.docx"),
        ("  notes\t\r\n.md ", "notes.md"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_names_keep_what_people_know_them_by(sent: str, kept: str) -> None:
    """The last part and the ending stay."""
    assert sanitise(sent) == kept


def test_ids_grow_with_time_and_come_back_from_the_wire() -> None:
    """Later ids compare greater; the wire's spelling is exact."""
    early, late = identifiers.new_id(1_000), identifiers.new_id(1_001)

    assert early < late and early.version == 7
    assert identifiers.parse(identifiers.FILE, identifiers.wire(identifiers.FILE, late)) == late


@given(st.text(max_size=60))
@example("file-" + uuid4().hex.upper())
@example("file-" + "٣" * 32)
@example("vs_" + uuid4().hex)
def test_anything_but_an_id_is_not_found(text: str) -> None:
    """Never another error, whatever is sent."""
    with pytest.raises(NotFound):
        identifiers.parse(identifiers.FILE, text)
