"""An archive is a folder whose files can harm nobody, and a bomb ends as a sentence."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEmpty, DocumentRefused, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.member_names import MAX_BYTES, DistinctNames, harmless
from rag.parsers.zip_archive import ZipParser
from tests.open_documents import packed

LIMITS = ParsingLimits()


def _written(path: Path, members: Sequence[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def _parsed(path: Path, content: bytes, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    path.write_bytes(content)
    return ZipParser(limits).parse(path)


def test_the_files_of_an_archive_come_with_their_paths(tmp_path: Path) -> None:
    """Folders and what systems leave behind are no documents."""
    members = {
        "offers/": b"",
        "offers/2026/a.txt": b"one",
        "__MACOSX/offers/._a.txt": b"x",
        ".DS_Store": b"x",
    }
    document = _parsed(tmp_path / "x", packed({**members, "offers/~$a.docx": b"x", "b.md": b"two"}))
    assert document.pages == ()
    assert [(child.name, child.content) for child in document.children] == [
        ("offers/2026/a.txt", b"one"),
        ("b.md", b"two"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\win.ini", "C_/Windows/win.ini"),
        ("a/./b//c.txt", "a/b/c.txt"),
        ("nul\0byte.txt", "nulbyte.txt"),
        ("annexe\u202efdp.exe", "annexefdp.exe"),
        ("a.txt:stream", "a.txt_stream"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("cafe\u0301.txt", "café.txt"),
    ],
)
def test_names_are_made_harmless(name: str, expected: str) -> None:
    """Nothing climbs out of a folder, hides its ending or opens a stream."""
    assert harmless(name) == expected


@given(st.lists(st.text(), max_size=20))
def test_any_names_become_short_relative_and_distinct(names: list[str]) -> None:
    """Whatever an archive calls its files, each gets a place of its own below the folder."""
    distinct = DistinctNames()
    taken = [distinct.take(name) for name in names]
    assert len({name.casefold() for name in taken}) == len(names)
    for name in taken:
        path = PurePosixPath(name)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert "\0" not in name
        assert len(name.encode()) <= MAX_BYTES + len(" (20)")


def test_a_name_of_four_kilobytes_keeps_its_ending(tmp_path: Path) -> None:
    """What the file is can still be told from its name."""
    (child,) = _parsed(tmp_path / "x", packed({"ñ" * 4096 + ".pdf": b"x"})).children
    assert child.name.endswith("ñ.pdf")
    assert len(child.name.encode()) <= MAX_BYTES


def test_files_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """Also where only capitals differ; a number stands before the ending."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = _written(
            tmp_path / "x", [("a.txt", b"1"), ("a.txt", b"2"), ("A.TXT", b"3"), ("x/a.txt", b"4")]
        )
    children = ZipParser(LIMITS).parse(path).children
    assert [child.name for child in children] == ["a.txt", "a (2).txt", "A (3).TXT", "x/a.txt"]
    assert [child.content for child in children][2:] == [b"3", b"4"]


def test_links_are_left_out_and_told(tmp_path: Path) -> None:
    """A link's content is a path of somebody else's machine."""
    link = zipfile.ZipInfo("passwords.txt")
    link.external_attr = 0o120777 << 16
    document = ZipParser(LIMITS).parse(_written(tmp_path / "x", [(link, b"/etc/passwd"), ("a.txt", b"1")]))
    assert [child.name for child in document.children] == ["a.txt"]
    assert document.notes == ("1 links or devices in the archive were left out; only files are read.",)


def test_names_without_the_utf8_flag_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """Old programs write their own code page, newer ones UTF-8 without saying so."""
    content = packed({"anio.txt": b"x"}).replace(b"anio.txt", "ño.txt".encode() + b"t")
    (child,) = _parsed(tmp_path / "x", content).children
    assert child.name == "ño.txtt"


def test_an_archive_within_an_archive_is_a_child(tmp_path: Path) -> None:
    """It is unpacked when its turn comes, one level at a time."""
    inner = packed({"deep.txt": b"hi"})
    (child,) = _parsed(tmp_path / "x", packed({"in/inner.zip": inner})).children
    assert (child.name, child.content) == ("in/inner.zip", inner)


def test_archives_that_lie_too_deep_are_dangerous(tmp_path: Path) -> None:
    """Three levels are read, whatever the inner ones are called; a quine is deeper than any number."""
    content = packed({"a.txt": b"x"})
    for _ in range(2):
        content = packed({"holiday.jpg": content})
    assert _parsed(tmp_path / "x", content).children
    with pytest.raises(DocumentDangerous, match="more than 3 deep"):
        _parsed(tmp_path / "x", packed({"holiday.jpg": content}))


def test_what_the_inner_archives_would_unpack_to_is_added_up(tmp_path: Path) -> None:
    """Ten times ten files of nothing: refused as a whole, none of it is kept."""
    leaf = packed({f"{n}.txt": bytes(100_000) for n in range(10)})
    limits = ParsingLimits(max_inflated_bytes=5_000_000)
    with pytest.raises(DocumentDangerous, match="would unpack to"):
        _parsed(tmp_path / "x", packed({f"{n}.zip": leaf for n in range(10)}), limits)


@pytest.mark.parametrize(
    ("members", "limits", "expected", "words"),
    [
        ({"a.txt": bytes(20 * 2**20)}, LIMITS, DocumentDangerous, "packed more than 100-fold"),
        ({f"{n}": b"x" for n in range(9)}, ParsingLimits(max_children=8), DocumentTooLarge, "9 documents; 8"),
        (
            {f"{n}": bytes(99) for n in range(9)},
            ParsingLimits(max_children_bytes=500),
            DocumentTooLarge,
            "500 bytes",
        ),
        ({"folder/": b""}, LIMITS, DocumentEmpty, "no file"),
    ],
)
def test_archives_that_cannot_be_kept_say_why(
    members: dict[str, bytes],
    limits: ParsingLimits,
    expected: type[DocumentRefused],
    words: str,
    tmp_path: Path,
) -> None:
    """Each limit has its sentence."""
    with pytest.raises(expected, match=words):
        _parsed(tmp_path / "x", packed(members), limits)


def test_one_broken_file_does_not_spoil_the_others(tmp_path: Path) -> None:
    """It is counted in a note; an archive of nothing else is damaged."""
    content = bytearray(packed({"a.txt": b"first " * 50, "b.txt": b"second"}))
    (start,) = struct.unpack_from(
        "<I", content, content.rfind(b"PK\x01\x02", 0, content.rfind(b"PK\x01\x02")) + 42
    )
    content[start + 37] ^= 0xFF
    document = _parsed(tmp_path / "x", bytes(content))
    assert [child.name for child in document.children] == ["b.txt"]
    assert document.notes == ("1 files in the archive are broken and were left out.",)
    alone = bytearray(packed({"a.txt": b"first " * 50}))
    alone[37] ^= 0xFF
    with pytest.raises(DocumentDamaged):
        _parsed(tmp_path / "x", bytes(alone))


def test_a_directory_that_lies_about_sizes_gains_nothing(tmp_path: Path) -> None:
    """The bytes are counted while they are unpacked."""
    buffer = io.BytesIO(packed({"a.txt": bytes(50_000)}))
    content = bytearray(buffer.getvalue())
    struct.pack_into("<I", content, content.rfind(b"PK\x01\x02") + 24, 10)
    with pytest.raises(DocumentDamaged):
        _parsed(tmp_path / "x", bytes(content))
