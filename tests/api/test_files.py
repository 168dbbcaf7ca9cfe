"""`/v1/files`: uploads in pieces, harmless names, and nothing left behind by what went wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from appliance.storage.database import Database
from tests.knowledge_harness import Room, count_blobs, data, embedder_home, make_box, open_room, until

__all__ = ["data", "embedder_home"]

MIB = 2**20


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors; nobody reads documents here. Files may have 2 MiB, and a person three of them."""
    more = "[knowledge]\nmax_file_mib = 2\nmax_files_per_user = 3\n"
    async with open_room(make_box(owner_url, embedder_home, data, more)) as opened:
        yield opened


async def test_a_file_comes_back_as_it_was_sent(room: Room) -> None:
    """Upload, read about it, download it: OpenAI's shapes and the same bytes."""
    content = os.urandom(MIB + 17)
    file = await room.upload(content, "informe añual.pdf")

    _, told = await room.call("GET", f"/files/{file}")
    async with room.session.get(
        f"{room.url}/v1/files/{file}/content", headers={"authorization": "Bearer ana"}
    ) as answer:
        downloaded, headers = await answer.read(), answer.headers

    assert downloaded == content
    assert (told["object"], told["bytes"], told["filename"]) == ("file", len(content), "informe añual.pdf")
    assert (told["purpose"], told["status"]) == ("assistants", "processed")
    # A page that somebody uploaded must not run with this site's rights.
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


async def test_the_same_content_lies_on_the_disk_once(room: Room) -> None:
    """Two people, one content: deleting one file leaves the other readable."""
    first, second = await room.upload(b"same", name="ana"), await room.upload(b"same", name="berta")
    assert count_blobs(room.box) == 1

    await room.call("DELETE", f"/files/{first}", "ana")
    assert count_blobs(room.box) == 1
    await room.call("DELETE", f"/files/{second}", "berta")
    assert count_blobs(room.box) == 0


async def test_files_are_listed_in_slices(room: Room) -> None:
    """Newest first or oldest first, by purpose, one's own only."""
    made = [await room.upload(b"%d" % n, purpose="user_data" if n == 1 else "assistants") for n in range(3)]
    await room.upload(b"other", name="berta")

    _, first = await room.call("GET", "/files?limit=2")
    _, rest = await room.call("GET", f"/files?limit=2&after={first['last_id']}")
    _, rising = await room.call("GET", "/files?order=asc")
    _, one = await room.call("GET", "/files?purpose=user_data")

    assert [f["id"] for f in first["data"] + rest["data"]] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [f["id"] for f in rising["data"]] == made
    assert [f["id"] for f in one["data"]] == [made[1]]


async def test_too_large_a_file_is_refused_and_leaves_nothing(room: Room) -> None:
    """Whether the length is told or only shows while it arrives."""
    form = aiohttp.FormData({"purpose": "assistants"})
    form.add_field("file", b"x" * (4 * MIB), filename="big.txt")
    told, told_body = await room.call("POST", "/files", data=form)

    async def pieces() -> AsyncIterator[bytes]:
        yield _head("big.txt")
        for _ in range(48):
            yield b"x" * 65536

    shown, shown_body = await room.call("POST", "/files", data=pieces(), headers=_FORM)

    assert (told, shown) == (413, 413)
    assert "2 MiB" in told_body["error"]["message"] and "2 MiB" in shown_body["error"]["message"]
    assert count_blobs(room.box) == 0


async def test_an_upload_that_breaks_off_leaves_nothing(room: Room, maintenance_database: Database) -> None:
    """The client goes away in the middle: no bytes, no row."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(room.url.rsplit(":", 1)[1]))
    head = _head("half.txt")
    writer.write(
        b"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ana\r\ncontent-length: 1000000\r\n"
        b"content-type: multipart/form-data; boundary=edge\r\n\r\n" + head + b"x" * 300_000
    )
    await writer.drain()
    await until(lambda: count_blobs(room.box) == 1)
    writer.close()
    await until(lambda: count_blobs(room.box) == 0)

    async with maintenance_database.connection() as connection:
        rows = await (await connection.execute("SELECT count(*) FROM files")).fetchone()
    assert rows == (0,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"--edge\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n--edge--\r\n", "file"),
        (
            b"--edge\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\nx\r\n--edge--\r\n",
            "purpose",
        ),
        (b"--edge\r\ncontent-disposition: form-data; name=f; filename=a\r\n\r\nx\r\n--edge--\r\n", "f"),
        (b"--edge\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassis", None),
        (b"no multipart at all", None),
        (b"", None),
    ],
    ids=["no file", "no purpose", "other field", "cut off", "not multipart", "empty"],
)
async def test_a_body_that_is_not_right_is_a_400_and_leaves_nothing(
    room: Room, body: bytes, param: str | None
) -> None:
    """The error says what is missing."""
    status, answer = await room.call("POST", "/files", data=body, headers=_FORM)

    assert (status, answer["error"]["type"], answer["error"]["param"]) == (
        400,
        "invalid_request_error",
        param,
    )
    assert count_blobs(room.box) == 0


async def test_a_wrong_purpose_or_content_type_is_named(room: Room) -> None:
    """OpenAI's purposes are accepted, others listed in the refusal; JSON is no upload."""
    form = aiohttp.FormData({"purpose": "world domination"})
    form.add_field("file", b"x", filename="a.txt")

    status, answer = await room.call("POST", "/files", data=form)
    as_json, refused = await room.call("POST", "/files", json={"purpose": "assistants"})

    assert (status, answer["error"]["param"]) == (400, "purpose")
    assert "assistants" in answer["error"]["message"]
    assert as_json == 400 and "multipart" in refused["error"]["message"]
    assert count_blobs(room.box) == 0


async def test_harmful_names_become_harmless(room: Room) -> None:
    """No path, control or bidirectional character survives; what is left is shown."""
    for sent, kept in (
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.pdf", "y.pdf"),
        ("a\u202egpj.exe", "agpj.exe"),
    ):
        form = aiohttp.FormData({"purpose": "assistants"}, quote_fields=False)
        form.add_field("file", b"x", filename=sent)
        _, body = await room.call("POST", "/files", data=form, name=f"user {kept}")
        assert body["filename"] == kept


async def test_names_in_the_form_of_older_clients_are_read(room: Room) -> None:
    """`filename*` counts where no plain name stands beside it."""
    part = (
        b"--edge\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n--edge\r\n"
        b"content-disposition: form-data; name=file; filename*=utf-8''a%C3%B1o.txt\r\n\r\nx\r\n--edge--\r\n"
    )
    _, body = await room.call("POST", "/files", data=part, headers=_FORM)

    assert body["filename"] == "año.txt"


async def test_a_person_cannot_fill_the_appliance(room: Room) -> None:
    """At the limit of files the next one is refused, with the remedy."""
    for number in range(3):
        await room.upload(b"%d" % number)
    form = aiohttp.FormData({"purpose": "assistants"})
    form.add_field("file", b"x", filename="a.txt")

    status, answer = await room.call("POST", "/files", data=form)

    assert (status, answer["error"]["code"]) == (409, "conflict")
    assert "Delete some" in answer["error"]["message"]


async def test_nobody_uploads_without_a_key(room: Room) -> None:
    """401 before a byte is written."""
    async with room.session.post(f"{room.url}/v1/files", data=b"x", headers=_FORM) as answer:
        assert answer.status == 401


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where we may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mount: a small file system can be made by root only")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk_is_told_and_nothing_is_left(
    owner_url: str, embedder_home: Path, data: Path, small_disk: Path
) -> None:
    """The upload is refused with a 503 that says so; room that was taken is given back, and smaller files still fit."""
    data.mkdir()  # noqa: ASYNC240
    (data / "blobs").symlink_to(small_disk)
    async with open_room(make_box(owner_url, embedder_home, data, "[knowledge]\nmin_free_mib = 0\n")) as room:
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", b"x" * (3 * MIB), filename="big.txt")
        status, answer = await room.call("POST", "/files", data=form)

        assert (status, answer["error"]["code"]) == (503, "storage_full")
        assert count_blobs(room.box) == 0
        assert await room.upload(b"small")


async def test_uploads_stop_before_the_disk_is_full(
    owner_url: str, embedder_home: Path, data: Path, small_disk: Path
) -> None:
    """The database's reserve is left alone, and the refusal names the setting."""
    data.mkdir()  # noqa: ASYNC240
    (data / "blobs").symlink_to(small_disk)
    async with open_room(make_box(owner_url, embedder_home, data, "[knowledge]\nmin_free_mib = 2\n")) as room:
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", b"x", filename="small.txt")
        status, answer = await room.call("POST", "/files", data=form)

    assert (status, answer["error"]["code"]) == (503, "storage_full")
    assert "knowledge.min_free_mib" in answer["error"]["message"]


@pytest.mark.slow
async def test_a_large_upload_takes_constant_memory(owner_url: str, embedder_home: Path, data: Path) -> None:
    """150 MiB go through the gateway's process while it grows by less than 24 MiB."""
    make_box(owner_url, embedder_home, data)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MEASURED, str(data), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    before, after, size = map(int, out.split())

    assert size == 150 * MIB
    assert after - before < 24 * MIB, f"{(after - before) / MIB:.0f} MiB"


_FORM = {"content-type": "multipart/form-data; boundary=edge"}


def _head(filename: str) -> bytes:
    return (
        b"--edge\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n"
        b'--edge\r\ncontent-disposition: form-data; name="file"; filename="%s"\r\n\r\n' % filename.encode()
    )


# The client is generated in the same process, so it sends one piece again and again.
_MEASURED = """
import asyncio, resource, sys
from pathlib import Path
from appliance.bootstrap.box import open_box
from tests.knowledge_harness import open_room

async def main():
    async with open_room(open_box(Path(sys.argv[1]))) as room:
        await room.upload(b"x" * 2**20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

        async def pieces():
            yield (b'--edge\\r\\ncontent-disposition: form-data; name=purpose\\r\\n\\r\\nassistants\\r\\n--edge\\r\\n'
                   b'content-disposition: form-data; name=file; filename=a.txt\\r\\n\\r\\n')
            for _ in range(150 * 16):
                yield b"x" * 65536
            yield b"\\r\\n--edge--\\r\\n"

        headers = {"content-type": "multipart/form-data; boundary=edge"}
        status, body = await room.call("POST", "/files", data=pieces(), headers=headers)
        assert status == 200, body
        print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, body["bytes"])

asyncio.run(main())
"""
