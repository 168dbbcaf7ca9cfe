"""Bad files, through the doors and a worker of its own: each ends with its reason, and the worker reads on.

How long each took is shown; the limit is a net for hangs.
"""

from __future__ import annotations

import csv
import io
import sys
import time
import urllib.parse
import zipfile
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.documents import docx, pdf
from tests.knowledge_harness import Room, WorkerProcess, data, embedder_home, make_box, open_room
from tests.ole_documents import ole

pytestmark = pytest.mark.slow

__all__ = ["data", "embedder_home"]

REFUSED = {"document_dangerous", "document_damaged", "document_empty", "document_too_large"}
EXPECTED = {"reject": REFUSED, "reject_fast": REFUSED, "reject_password": {"document_encrypted"}}
MANY = 120
FORM = {"content-type": "multipart/form-data; boundary=edge"}


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors."""
    async with open_room(make_box(owner_url, embedder_home, data)) as opened:
        yield opened


@pytest.fixture
def worker(room: Room) -> Iterator[WorkerProcess]:
    """A worker in a process of its own."""
    process = WorkerProcess(room.box)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


async def attach(room: Room, store: str, content: bytes, name: str) -> str:
    """Upload and put into the collection; returns the file's id."""
    file = await room.upload(content, name)
    status, body = await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    assert status == 200, body
    return file


async def lives_on(room: Room, store: str, worker: WorkerProcess) -> None:
    """It is the same process, and it reads what comes now."""
    last = await room.added(b"# Last\n\nThe last one is read.", store, filename="last.md")
    assert worker.process is not None and worker.process.poll() is None
    assert (await room.found(store, "last"))[0]["file_id"] == last


async def test_every_hostile_file_ends_with_its_reason(
    room: Room, worker: WorkerProcess, test_data: Path
) -> None:
    """All of the collected ones, one after the other: of the right kind, with a sentence, and nothing of them found."""
    with (test_data / "docs" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["file"].startswith("hostile/")]
    store = await room.store()
    await room.added(b"# First\n\nThe worker is awake.", store, filename="first.md")
    for line in lines:
        begun = time.monotonic()
        content = (test_data / "docs" / line["file"]).read_bytes()
        read = await room.settled(store, await attach(room, store, content, Path(line["file"]).name))
        sys.stdout.write(f"{line['file']}: {time.monotonic() - begun:.2f} s, {read['last_error']}\n")
        if expected := EXPECTED.get(line["expect"]):
            assert read["status"] == "failed" and read["last_error"]["reason"] in expected, (
                line["file"],
                read,
            )
            assert len(read["last_error"]["message"]) > 20
        else:
            assert read["status"] == "completed", (line["file"], read)
    assert len(lines) >= 10
    await lives_on(room, store, worker)


async def test_what_people_send_by_mistake_is_told_in_words(
    room: Room, worker: WorkerProcess, tmp_path: Path
) -> None:
    """Empty, of another kind than its name says, locked, cut off, holding itself: a reason each, and what to do."""
    word = docx(tmp_path / "a.docx", paragraphs=["The word stands in a letter."]).read_bytes()
    locked = pdf(tmp_path / "l.pdf", [["A secret."]], password="pass").read_bytes()
    bad = {
        "empty.pdf": (b"", "document_empty", "zero bytes"),
        "locked.pdf": (locked, "document_encrypted", "password"),
        "locked.xlsx": (
            ole(tmp_path / "x", {"EncryptedPackage": b"x"}).read_bytes(), "document_encrypted", "password"
        ),
        "cut.docx": (word[: len(word) // 2], "document_damaged", ""),
        "bomb.zip": (zipped_zeros(300), "document_dangerous", ""),
        "matryoshka.zip": (nested_archive(12), "document_dangerous", ""),
        "song.mid": (b"MThd\0\0\0\x06" + bytes(2000), "unsupported_format", ""),
    }  # fmt: skip
    store = await room.store()
    files = {name: await attach(room, store, content, name) for name, (content, _, _) in bad.items()}
    letter = await attach(room, store, word, "really-a-letter.pdf")

    for name, (_, reason, words) in bad.items():
        read = await room.settled(store, files[name])
        assert (read["status"], read["last_error"]["reason"]) == ("failed", reason), (name, read)
        assert words in read["last_error"]["message"], read
    assert (await room.settled(store, letter))["status"] == "completed"
    assert [found["file_id"] for found in await room.found(store, "letter")] == [letter]
    await lives_on(room, store, worker)


async def test_odd_names_and_equal_ones_are_all_read(room: Room, worker: WorkerProcess) -> None:
    """Paths, control and direction marks, 4 kB and the same name twice: harmless names, one document each."""
    store, sent = await room.store(), {}
    names = [
        "../../etc/passwd.md",
        "nul\x00l.md",
        "\u202etxt.exe.md",
        "ñ" * 2_048 + ".md",
        "same.md",
        "same.md",
    ]
    for number, name in enumerate(names):
        content = f"# N\n\nNumber{number} of all.".encode()
        if "\x00" in name:  # no client's library sends it; others may
            told = urllib.parse.quote(name).encode()
            head = b"--edge\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n--edge\r\n"
            head += b"content-disposition: form-data; name=file; filename*=utf-8''" + told + b"\r\n\r\n"
            more: dict[str, Any] = {"data": head + content + b"\r\n--edge--\r\n", "headers": FORM}
        else:
            form = aiohttp.FormData({"purpose": "assistants"}, quote_fields=False)
            form.add_field("file", content, filename=name)
            more = {"data": form}
        status, file = await room.call("POST", "/files", **more)
        assert status == 200, (name, file)
        await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file["id"]})
        sent[file["id"]] = file["filename"]

    for file in sent:
        assert (await room.settled(store, file))["status"] == "completed"
    kept = list(sent.values())
    assert kept[0] == "passwd.md" and kept[4:] == ["same.md", "same.md"]
    assert all(len(name.encode()) <= 255 and name.endswith(".md") for name in kept)
    assert not any(mark in name for name in kept for mark in "/\\\x00\u202e")
    for number, file in enumerate(sent):
        assert file in {found["file_id"] for found in await room.found(store, f"Number{number}")}


async def test_what_lies_inside_is_read_by_the_real_readers(
    room: Room, worker: WorkerProcess, tmp_path: Path
) -> None:
    """A mail with a PDF and a forwarded mail; an archive with a letter, folders and more than a hundred notes."""
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"], outer["Subject"] = "The forwarded one", "The outer one"
    inner.set_content("The forwarded mail speaks of the zebra crossing.")
    outer.set_content("See what is attached.")
    paper = pdf(tmp_path / "p.pdf", [["The attached paper speaks of a glacier."]]).read_bytes()
    outer.add_attachment(paper, maintype="application", subtype="pdf", filename="paper.pdf")
    outer.add_attachment(inner)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(
            docx(tmp_path / "a.docx", paragraphs=["The letter speaks of an orchard."]), "letters/a.docx"
        )
        for number in range(MANY):
            archive.writestr(f"notes/{number}.md", f"# Note\n\nNote{number} is short.")
    store = await room.store()
    mail = await attach(room, store, outer.as_bytes(), "outer.eml")
    box = await attach(room, store, buffer.getvalue(), "box.zip")

    for file in (mail, box):
        assert (await room.settled(store, file))["status"] == "completed"
    inside = [file async for file in files_of(room, store) if file["id"] not in (mail, box)]
    read = [await room.settled(store, file["id"]) for file in inside]

    assert [file["status"] for file in read] == ["completed"] * (2 + 1 + MANY)
    for word, name in (("glacier", "paper.pdf"), ("zebra", "outer.eml/"), ("orchard", "letters/a.docx")):
        assert name in (await room.found(store, word))[0]["filename"], word
    assert (await room.found(store, f"Note{MANY - 1}"))[0]["filename"].endswith(f"notes/{MANY - 1}.md")


async def files_of(room: Room, store: str) -> AsyncIterator[dict[str, Any]]:
    """Everything in the collection, slice by slice."""
    after = ""
    while True:
        _, page = await room.call("GET", f"/vector_stores/{store}/files?limit=100{after}")
        for file in page["data"]:
            yield file
        if not page["has_more"]:
            return
        after = f"&after={page['last_id']}"


def zipped_zeros(mebibytes: int) -> bytes:
    """A file of zeros in an archive a thousandth as large."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.txt", "w") as member,
    ):
        for _ in range(mebibytes):
            member.write(bytes(2**20))
    return buffer.getvalue()


def nested_archive(depth: int) -> bytes:
    """An archive in an archive in an archive …"""
    content = b"the heart of it"
    for _ in range(depth):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("r/r.zip", content)
        content = buffer.getvalue()
    return content
