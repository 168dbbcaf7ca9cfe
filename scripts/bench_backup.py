"""How long a backup and its restore take, how large they are, and how much memory they need.

    python scripts/bench_backup.py [--documents 5000] [--passages 100000] [--gigabytes 2] [--folder FOLDER]

A box is made with rows as ingestion writes them – pages, passages with vectors, words – and files of random bytes,
which nothing compresses; none of it is read or embedded. Then the operator's own commands are run on it, each in a
process of its own. Vectors stand in clusters: the graph of wholly random ones takes longer to build than a real one.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import psycopg

from appliance.bootstrap.backups.servers import create_database, running
from appliance.bootstrap.box import Box, open_box
from appliance.storage.backups.copying import place_of
from appliance.storage.backups.manifest import BLOBS
from appliance.storage.migrating import migrate
from appliance.supervisor.data_folder import prepare_data_folder, stamp_version
from appliance.supervisor.unprivileged import account_for_servers

SPACE = UUID("6f1c4c7e-5a0c-4b57-9d7e-0c8f1f0f7b12")
OWNER, SHELF = uuid5(SPACE, "owner"), uuid5(SPACE, "shelf")
DIMENSION, CLUSTERS, WORDS, VOCABULARY = 384, 2_000, 70, 30_000
GRAPH = (
    "CREATE INDEX embeddings_hnsw_384 ON embeddings USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) "
    "WITH (m = 16, ef_construction = 100) WHERE dimension = 384"
)
VECTORS = (
    "COPY embeddings (chunk_id, collection_id, model_id, dimension, embedding) FROM STDIN (FORMAT binary)"
)
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_SEED = 20261122


@dataclass(frozen=True)
class Size:
    """Of the box that is made."""

    documents: int
    passages: int
    file_bytes: int


@dataclass
class Measured:
    """What a command took. own_mb: the most memory of our process; programs_mb: of pg_dump or pg_restore."""

    name: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    own_mb: float = 0.0
    programs_mb: float = 0.0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    size = Size(options.documents, options.passages, round(options.gigabytes * 1e9 / options.documents))
    place = Path(tempfile.mkdtemp(prefix="apl-backup-", dir=options.folder))
    place.chmod(0o755)
    try:
        bench(place, size)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def bench(place: Path, size: Size) -> None:
    """Prints a table."""
    (place / "passphrase").write_text("correct horse battery\n")
    took = make_box(place / "data", size)
    print(f"made in {took:.0f} s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    to = [
        "--to",
        str(place / "kept"),
        "--passphrase-file",
        str(place / "passphrase"),
        "--data",
        str(place / "data"),
    ]
    table = [measured("backup, the first", ["backup", *to])]
    first = du(place / "kept")
    table.append(measured("backup, nothing changed", ["backup", *to]))
    second = du(place / "kept") - first
    table.append(measured("backup --verify", ["backup", "--verify", *to]))
    newest = max((place / "kept").glob("[0-9]*"))
    back = [
        "restore",
        str(newest),
        "--passphrase-file",
        str(place / "passphrase"),
        "--data",
        str(place / "new"),
    ]
    table.append(measured("restore", back))
    manifest = json.loads((newest / "manifest.json").read_text())
    print(f"rows {sum(manifest['rows'].values()):,}, dump {manifest['dump_bytes'] / 1e6:.0f} MB, files "
          f"{manifest['files']:,} with {manifest['files_bytes'] / 1e6:.0f} MB")  # fmt: skip
    print(f"on disk: the first {first / 1e6:.0f} MB, the second {second / 1e6:.0f} MB more, database "
          f"{du(place / 'new' / 'postgres') / 1e6:.0f} MB")  # fmt: skip
    print(
        "| | seconds | processor seconds | our process, MB | pg_dump or pg_restore, MB |\n|---|---|---|---|---|"
    )
    for one in table:
        print(
            f"| {one.name} | {one.wall_s:.0f} | {one.cpu_s:.0f} | {one.own_mb:.0f} | {one.programs_mb:.0f} |"
        )
    print(f"load afterwards {os.getloadavg()[0]:.1f}")


def measured(name: str, words: list[str]) -> Measured:
    """Run `appliance WORDS`."""
    found, began = Measured(name), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance", *words, "--json"], stdout=subprocess.DEVNULL
    )
    watching = threading.Thread(target=_watch, args=(process.pid, found))
    watching.start()
    _, status, used = os.wait4(process.pid, 0)
    watching.join()
    found.wall_s, found.cpu_s = time.monotonic() - began, used.ru_utime + used.ru_stime
    if status != 0:
        sys.exit(f"{name} failed")
    print(f"{name}: {found.wall_s:.0f} s", flush=True)
    return found


def _watch(pid: int, found: Measured) -> None:
    while (own := _peak_mb(pid)) is not None:
        found.own_mb = max(found.own_mb, own)
        for child in _children(pid):
            try:
                name = Path(f"/proc/{child}/comm").read_text().strip()
            except OSError:
                continue
            if name in ("pg_dump", "pg_restore"):
                found.programs_mb = max(found.programs_mb, _peak_mb(child) or 0.0)
        time.sleep(0.1)


def _children(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, path.read_text().split())
        except OSError:
            continue


def _peak_mb(pid: int) -> float | None:
    """VmHWM; None when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def du(folder: Path) -> int:
    """Bytes on the disk, what is shared once."""
    told = subprocess.run(
        ["du", "-s", "--block-size=1", str(folder)], capture_output=True, text=True, check=True
    )
    return int(told.stdout.split()[0])


def make_box(data: Path, size: Size) -> float:
    """Returns the seconds it took."""
    began, account = time.monotonic(), account_for_servers()
    prepare_data_folder(data, is_shared=account is not None)
    stamp_version(data, "bench")
    box = open_box(data, None, account)
    assert box.postgres is not None
    with running(box.postgres, ["-c", "fsync=off"]):
        create_database(box.postgres)
        asyncio.run(migrate(box.owner_url, box.role_secret))
        with psycopg.connect(box.owner_url) as connection:
            fill(connection, box, size)
        with psycopg.connect(box.owner_url, autocommit=True) as connection:
            connection.execute(GRAPH)
            connection.execute("ANALYZE")
    return time.monotonic() - began


def fill(connection: psycopg.Connection, box: Box, size: Size) -> None:
    """Rows of one collection, and its files on the disk."""
    connection.execute("DROP INDEX embeddings_hnsw_384")
    connection.execute(
        "INSERT INTO users (id, email, email_key, role) VALUES (%s, 'a@example.com', 'a@example.com', 'user')",
        (OWNER,),
    )
    connection.execute(
        "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (%s, 'bench', %s, %s)",
        (SHELF, OWNER, OWNER),
    )
    files = [uuid5(SPACE, str(number)) for number in range(size.documents)]
    for number, file_id in enumerate(files):
        digest = write_blob(box.data / BLOBS, os.urandom(size.file_bytes))
        connection.execute(
            "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose)"
            " VALUES (%s, %s, %s, 'text/plain', %s, %s, 'assistants')",
            (file_id, OWNER, f"{number}.txt", size.file_bytes, digest),
        )
    each = size.passages // size.documents
    write_passages(connection, files, each)
    write_vectors(connection, each * len(files))


def write_blob(blobs: Path, content: bytes) -> bytes:
    """Returns its SHA-256."""
    digest = hashlib.sha256(content)
    place = place_of(blobs, digest.hexdigest())
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.write_bytes(content)
    return digest.digest()


def write_passages(connection: psycopg.Connection, files: list[UUID], each: int) -> None:
    """Pages, passages with their words, and the words' own tables."""
    seeded = random.Random(_SEED)
    names = [f"w{number:x}" for number in range(VOCABULARY)]
    weights = [1 / (number + 10) for number in range(VOCABULARY)]
    frequencies: Counter[str] = Counter()
    counted = [Counter(seeded.choices(names, weights, k=WORDS)) for _ in range(each * len(files))]
    with connection.cursor() as cursor:
        with cursor.copy("COPY pages (collection_id, file_id, ordinal, number, text) FROM STDIN") as copy:
            for at, file_id in enumerate(files):
                text = "\f".join(" ".join(words.elements()) for words in counted[at * each : (at + 1) * each])
                copy.write_row((SHELF, file_id, 0, 1, text.replace("\f", " ")))
        with cursor.copy(
            "COPY chunks (id, collection_id, file_id, ordinal, page, start_offset, end_offset, headings, language,"
            " text, terms) FROM STDIN"
        ) as copy:
            for number, words in enumerate(counted):
                place: tuple[UUID, int, int, int, int, list[str], str]
                place = (files[number // each], number % each, 1, 0, 1, [], "en")
                copy.write_row((number + 1, SHELF, *place, " ".join(words.elements()), sorted(words)))
        with cursor.copy("COPY postings (collection_id, term, chunk_id, tf, length) FROM STDIN") as copy:
            for number, words in enumerate(counted):
                frequencies.update(words.keys())
                for word, count in words.items():
                    copy.write_row((SHELF, word, number + 1, count, WORDS))
        with cursor.copy("COPY terms (collection_id, term, df) FROM STDIN") as copy:
            for word, count in frequencies.items():
                copy.write_row((SHELF, word, count))


def write_vectors(connection: psycopg.Connection, count: int) -> None:
    """As halfvec's own binary form: dimension, unused, then two bytes a number."""
    made = np.random.default_rng(_SEED)
    centres = made.normal(size=(CLUSTERS, DIMENSION))
    fixed = (
        struct.pack("!i", 16)
        + SHELF.bytes
        + struct.pack("!i", 5)
        + b"bench"
        + struct.pack("!ih", 2, DIMENSION)
    )
    with connection.cursor() as cursor, cursor.copy(VECTORS) as copy:
        copy.write(_COPY_HEADER)
        for number in range(1, count + 1):
            vector = centres[number % CLUSTERS] + made.normal(scale=0.5, size=DIMENSION)
            data = (
                struct.pack("!hh", DIMENSION, 0) + (vector / np.linalg.norm(vector)).astype(">f2").tobytes()
            )
            copy.write(struct.pack("!hiq", 5, 8, number) + fixed + struct.pack("!i", len(data)) + data)
        copy.write(struct.pack("!h", -1))


if __name__ == "__main__":
    main()
