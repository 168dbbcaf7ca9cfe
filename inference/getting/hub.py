"""A model hub over HTTP, in the shape of Hugging Face's: what a repository holds, and its files, in pieces.

The two routes are `GET /api/models/REPO/revision/REV?blobs=true` and `GET /REPO/resolve/COMMIT/PATH`, which may lead to
another host. Uses our own way out, never a hub library that opens connections of its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from inference.egress import EgressSession
from inference.errors import HubUnavailable, ModelGated, ModelSourceUnknown
from inference.getting.choosing import SourceFile
from inference.getting.sources import HubSource

_MOST_LISTING_BYTES = 32 * 2**20
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds. revision: the commit. task: the hub's word for what the model is for."""

    revision: str
    files: tuple[SourceFile, ...]
    licence: str = ""
    task: str = ""


class Hub:
    """address: without a slash at the end. token: empty where there is none."""

    def __init__(self, session: EgressSession, address: str, token: str = "") -> None:
        self._session, self._address, self._token = session, address.rstrip("/"), token

    async def listing(self, source: HubSource) -> Listing:
        """Raises HubUnavailable, ModelGated, ModelSourceUnknown, EgressRefused."""
        revision = quote(source.revision, safe="")
        url = f"{self._address}/api/models/{source.repo}/revision/{revision}?blobs=true"
        try:
            async with self._session.get(url, secret=self._token) as answer:
                self._refuse(answer, source)
                body = await _bounded(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HubUnavailable(_why(error)) from error
        try:
            return _listing(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HubUnavailable("Its answer is not what a hub's should be.") from error

    async def pieces(
        self, source: HubSource, revision: str, file: SourceFile, start: int
    ) -> AsyncIterator[bytes]:
        """The file from that byte on; an empty first piece says that it begins at 0 all the same.

        Raises HubUnavailable (also when it breaks off), ModelGated, ModelSourceUnknown, EgressRefused.
        """
        url = f"{self._address}/{source.repo}/resolve/{quote(revision, safe='')}/{quote(file.path)}"
        headers = {"range": f"bytes={start}-"} if start else {}
        try:
            async with self._session.get(url, headers=headers, secret=self._token) as answer:
                self._refuse(answer, source)
                if start and not _continues(answer, start):
                    yield b""
                async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                    yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HubUnavailable(_why(error)) from error

    def _refuse(self, answer: aiohttp.ClientResponse, source: HubSource) -> None:
        status, code = answer.status, answer.headers.get("x-error-code", "")
        if status < 400:
            return
        if code == "GatedRepo" or (status in (401, 403) and code != "RepoNotFound"):
            raise ModelGated(_how_to_open(self._address, source, has_token=bool(self._token)))
        if status in (401, 404):
            hint = "" if self._token else " A private one needs a token: models.hub_token_file."
            raise ModelSourceUnknown(f"{self._address} has no {source}.{hint}")
        raise HubUnavailable(f"It answered {status}.")


def _how_to_open(address: str, source: HubSource, *, has_token: bool) -> str:
    page = f"{address}/{source.repo}"
    if has_token:
        return f"The token that is set may not have it: accept the licence at {page} with the account it belongs to."
    return (
        f"Accept the licence at {page}, make a token with the right to read at {address}/settings/tokens, write it "
        "into a file that only the appliance reads, and name that file by models.hub_token_file."
    )


def _listing(told: dict[str, Any]) -> Listing:
    files = []
    for one in told["siblings"]:
        lfs = one.get("lfs") or {}
        size = lfs.get("size", one.get("size"))
        files.append(
            SourceFile(
                path=str(one["rfilename"]),
                size_bytes=int(size or 0),
                sha256=str(lfs.get("sha256") or lfs.get("oid") or "").removeprefix("sha256:"),
                git_sha1="" if lfs else str(one.get("blobId") or ""),
            )
        )
    card = told.get("cardData") or {}
    licence = card.get("license") or next(
        (tag.removeprefix("license:") for tag in told.get("tags", []) if tag.startswith("license:")), ""
    )
    if licence == "other":
        licence = card.get("license_name") or licence
    return Listing(str(told["sha"]), tuple(files), str(licence), str(told.get("pipeline_tag") or ""))


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE_BYTES):
        body += piece
        if len(body) > _MOST_LISTING_BYTES:
            raise HubUnavailable("Its list of files is larger than 32 MiB.")
    return bytes(body)


def _continues(answer: aiohttp.ClientResponse, start: int) -> bool:
    return answer.status == 206 and answer.headers.get("content-range", "").startswith(f"bytes {start}-")


def _why(error: Exception) -> str:
    return f"({str(error) or type(error).__name__})"
