"""People and an empty library for the store's promises."""

from __future__ import annotations

from importlib import import_module
from uuid import uuid4

import pytest

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from rag.ports import VectorStore
from rag.stores import STORES
from tests.library import Library


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest) -> VectorStore:
    """Every row of the table of stores."""
    if request.param == "faiss":
        pytest.importorskip("faiss", reason="the optional extra `faiss` is not installed")
    module, _, name = STORES[request.param].partition(":")
    made: VectorStore = getattr(import_module(module), name)()
    return made


@pytest.fixture
def library(worker_database: Database, database: Database, store: VectorStore) -> Library:
    """An empty library."""
    return Library(worker_database, database, store)


@pytest.fixture
def ana() -> Viewer:
    """A person with documents."""
    return Viewer(uuid4())


@pytest.fixture
def ben() -> Viewer:
    """Another person."""
    return Viewer(uuid4())
