"""Collections for the tests of the page, kept in lists, in the shapes of the public API.

A file named *bad* is refused, *slow* is read for ever, *noted* has notes, *zip* has two files inside, others are ready.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response, UploadFile

from tests.handbook_page import FILE_ID

Json = dict[str, Any]
PEOPLE = (("user:1", "berta@example.org", "Berta Ruiz"), ("group:2", "Personal de obra", ""))
_STATES = ("in_progress", "completed", "failed", "cancelled")


@dataclass
class ShelfInMemory:
    """Everything a test may put into it."""

    stores: list[Json] = field(default_factory=list)
    members: dict[str, list[Json]] = field(default_factory=dict)
    shares: list[Json] = field(default_factory=list)
    files: dict[str, Json] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def add_store(self, name: str, **more: Any) -> Json:
        store: Json = {"id": f"vs_{uuid4().hex}", "object": "vector_store", "name": name, "owner": "user"}
        store |= {"owner_name": "ana@example.org", "can_write": True, "can_manage": True, **more}
        self.stores.append(store)
        self.members[store["id"]] = []
        return store

    def add_file(self, store: Json, name: str, **more: Any) -> Json:
        """A document as a list tells it. more: fields to be other than a small, ready document's."""
        member: Json = {"id": f"file-{uuid4().hex}", "object": "vector_store.file", "status": "completed"}
        member |= {"filename": name, "bytes": 48_200, "created_at": 1_795_000_000, "pages": 3, "chunks": 12}
        member |= {"notes": [], "note_codes": [], "attributes": {}, "inside": 0, "parent_id": None}
        member |= {"is_own": True, "elsewhere": 0, "sha256": "", "stage": "done", "progress": 1, **more}
        self.members[store["id"]].append(member)
        return member

    def member(self, store_id: str, file_id: str) -> Json:
        return next(one for one in self.members[store_id] if one["id"] == file_id)

    def counts(self, store_id: str) -> dict[str, int]:
        states = [one["status"] for one in self.members[store_id]]
        return {state: states.count(state) for state in _STATES} | {"total": len(states)}


def shelf_routes(shelf: ShelfInMemory) -> APIRouter:
    """What the Documents tab asks for."""
    routes = APIRouter()
    _add_store_routes(routes, shelf)
    _add_file_routes(routes, shelf)
    _add_list_routes(routes, shelf)
    _add_share_routes(routes, shelf)
    _add_search_routes(routes)
    return routes


def _add_store_routes(routes: APIRouter, shelf: ShelfInMemory) -> None:
    @routes.get("/v1/vector_stores")
    async def stores() -> Json:
        for store in shelf.stores:
            store["file_counts"] = shelf.counts(store["id"])
        return {"object": "list", "data": shelf.stores, "has_more": False}

    @routes.post("/v1/vector_stores")
    async def create(request: Request) -> Json:
        body = await request.json()
        return shelf.add_store(body["name"], owner=body.get("owner", "user"))

    @routes.post("/v1/vector_stores/{store_id}")
    async def rename(store_id: str, request: Request) -> Json:
        store = next(one for one in shelf.stores if one["id"] == store_id)
        store["name"] = (await request.json())["name"]
        return store

    @routes.get("/api/collections/{store_id}/removal")
    async def removal(store_id: str) -> Json:
        count = len(shelf.members[store_id])
        return {"documents": count, "passages": 12 * count, "shares": 0, "own_files_only_here": count}

    @routes.delete("/api/collections/{store_id}")
    async def remove(store_id: str) -> Json:
        shelf.stores[:] = [one for one in shelf.stores if one["id"] != store_id]
        removed = {
            "collections": 1,
            "places": len(shelf.members.pop(store_id)),
            "passages": 12,
            "bytes": 48_200,
        }
        return {"id": store_id, "deleted": True, "removed": removed, "receipt": {"id": str(uuid4())}}

    @routes.get("/api/groups")
    async def groups() -> Json:
        return {"data": []}


def _add_file_routes(routes: APIRouter, shelf: ShelfInMemory) -> None:
    @routes.post("/v1/files")
    async def upload(file: UploadFile) -> Json:
        content = await file.read()
        kept: Json = {
            "id": f"file-{uuid4().hex}",
            "object": "file",
            "filename": file.filename,
            "bytes": len(content),
        }
        shelf.files[kept["id"]] = kept | {"sha256": hashlib.sha256(content).hexdigest()}
        return kept

    @routes.delete("/v1/files/{file_id}")
    async def delete(file_id: str) -> Json:
        shelf.deleted.append(file_id)
        for members in shelf.members.values():
            members[:] = [one for one in members if file_id not in (one["id"], one["parent_id"])]
        removed = {"files": 1, "pages": 3, "passages": 12}
        return {"id": file_id, "deleted": True, "appliance": {"receipt": {"id": "r", "removed": removed}}}

    @routes.post("/v1/vector_stores/{store_id}/files")
    async def attach(store_id: str, request: Request) -> Json:
        body = await request.json()
        file = shelf.files[body["file_id"]]
        name = file["filename"]
        store = next(one for one in shelf.stores if one["id"] == store_id)
        told = {
            "id": file["id"],
            "bytes": file["bytes"],
            "sha256": file["sha256"],
            "source": body.get("source"),
        }
        if "bad" in name:
            error = {"code": "invalid_file", "reason": "document_damaged", "message": "damaged"}
            told |= {"status": "failed", "last_error": error, "pages": 0}
        if "slow" in name:
            told |= {"status": "in_progress", "progress": 0.42, "stage": "embedding", "pages_per_s": 12.5}
        if "queued" in name:
            told |= {"status": "in_progress", "progress": 0, "stage": "waiting", "place_in_line": 7}
        if "noted" in name:
            code = {"code": "pages_blank", "values": {"pages": "2, 3"}}
            told |= {"notes": ["Pages 2, 3 are blank."], "note_codes": [code]}
        if "zip" in name:
            told |= {"inside": 2, "inside_failed": 1, "pages": 0}
        if body.get("replaces"):
            shelf.members[store_id].remove(shelf.member(store_id, body["replaces"]))
        member = shelf.add_file(store, name, **told)
        if "zip" in name:
            shelf.add_file(store, f"{name}/plan.pdf", parent_id=member["id"])
            error = {"code": "invalid_file", "reason": "document_encrypted", "message": "encrypted"}
            broken = {"status": "failed", "last_error": error, "pages": 0}
            shelf.add_file(store, f"{name}/secret.pdf", parent_id=member["id"], **broken)
        return member

    @routes.post("/v1/vector_stores/{store_id}/files/{file_id}")
    async def annotate(store_id: str, file_id: str, request: Request) -> Json:
        changed: Json = shelf.member(store_id, file_id) | await request.json()
        return changed

    @routes.post("/v1/vector_stores/{store_id}/files/{file_id}/{what}")
    async def retry_or_cancel(store_id: str, file_id: str, what: str) -> Json:
        member = shelf.member(store_id, file_id)
        member |= {"status": {"cancel": "cancelled", "retry": "in_progress"}[what], "stage": "waiting"}
        return member

    @routes.post("/v1/vector_stores/{store_id}/retry_failed")
    async def retry_failed(store_id: str) -> Json:
        failed = [one for one in shelf.members[store_id] if one["status"] == "failed"]
        for one in failed:
            one |= {"status": "completed", "last_error": None, "notes": ["Page 3 was left out."]}
        return {"retried": len(failed)}


def _add_list_routes(routes: APIRouter, shelf: ShelfInMemory) -> None:
    @routes.get("/api/collections/{store_id}/documents")
    async def documents(
        store_id: str,
        q: str = "",
        status: str = "",
        parent: str = "",
        changed_since: str = "",
        sort: str = "added",
        order: str = "desc",
        offset: int = 0,
        limit: int = 100,
    ) -> Json:
        is_flat = bool(q or status or changed_since)
        found = [
            one
            for one in shelf.members[store_id]
            if q.lower() in one["filename"].lower()
            and status in ("", one["status"])
            and (is_flat or (one["parent_id"] or "") == parent)
        ]
        key = {"name": "filename", "size": "bytes", "state": "status"}.get(sort, "created_at")
        found.sort(key=lambda one: one[key], reverse=order == "desc")
        shown = found[offset : offset + limit]
        told = {"total": len(found), "has_more": offset + len(shown) < len(found)}
        return {
            "data": shown,
            "counts": shelf.counts(store_id),
            "as_of": datetime.now(UTC).isoformat(),
            **told,
        }

    @routes.post("/api/collections/{store_id}/known")
    async def known(store_id: str, request: Request) -> Json:
        body = await request.json()
        members = shelf.members[store_id]
        named = [
            one for one in members if one["filename"] in body["filenames"] and one["status"] == "completed"
        ]
        return {
            "data": [_known(one) for one in members if one["sha256"] in body["sha256"]],
            "named": [_known(one) for one in named],
        }

    @routes.get("/api/formats")
    async def formats() -> Json:
        kinds = ("pdf", "scan", "word", "excel", "powerpoint", "mail", "web", "archive")
        return {"data": [{"kind": kind, "suffixes": [f".{kind}"]} for kind in kinds], "reads_scans": True}


def _known(one: Json) -> Json:
    return {
        "sha256": one["sha256"],
        "file_id": one["id"],
        "filename": one["filename"],
        "status": one["status"],
    }


def _add_share_routes(routes: APIRouter, shelf: ShelfInMemory) -> None:
    @routes.put("/api/leaving/collections/{store_id}")
    async def mark(store_id: str, request: Request) -> Json:
        store = next(one for one in shelf.stores if one["id"] == store_id)
        store["may_leave"] = (await request.json())["may_leave"]
        return {"id": store_id, "may_leave": store["may_leave"]}

    path = "/api/collections/{store_id}/shares"

    @routes.get(path)
    async def shares() -> Json:
        return {"data": shelf.shares}

    @routes.put(path)
    async def give(request: Request) -> Json:
        body = await request.json()
        name = next(label for subject, label, _ in PEOPLE if subject == body["with"])
        shelf.shares[:] = [one for one in shelf.shares if one["with"] != body["with"]]
        shelf.shares.append({**body, "name": name})
        return shelf.shares[-1]

    @routes.delete(path, status_code=204)
    async def take(request: Request) -> Response:
        shelf.shares[:] = [one for one in shelf.shares if one["with"] != request.query_params["with"]]
        return Response(status_code=204)

    @routes.get(path + "/candidates")
    async def candidates(q: str) -> Json:
        found = [one for one in PEOPLE if q.lower() in f"{one[1]} {one[2]}".lower()]
        return {"data": [{"with": subject, "label": label, "name": name} for subject, label, name in found]}


def _add_search_routes(routes: APIRouter) -> None:
    @routes.post("/api/search")
    async def search(request: Request) -> Json:
        await request.json()
        words = "Holidays are planned in January. Everybody has 23 days of holiday a year."
        hit = {
            "file_id": FILE_ID,
            "filename": "employee-handbook.pdf",
            "number": 12,
            "content": [{"type": "text", "text": words}],
            "location": {"page": 12, "headings": ["Working here", "Holidays"], "start": 0, "end": 40},
            "scores": {"meaning": 0.712, "words": 9.31, "fused": 0.84, "last": 0.91},
            "also_in": [{"filename": "manual.docx"}],
        }
        dropped = [
            {"filename": "manual.docx", "page": 2, "score": 0.4, "reason": "the same words as a better one"}
        ]
        steps = [
            {"name": name, "took_ms": 1.5, "found": 20}
            for name in ("embed", "by meaning", "by words", "fuse")
        ]
        trace = {"steps": steps, "dropped": dropped, "reranked": False}
        return {"data": [hit], "trace": trace, "is_relevant": True, "notes": ["language_mismatch"]}
