"""What an answer from a source was made from, as a label."""

from __future__ import annotations

from appliance.domain.data import OfferedSource
from appliance.domain.origins import of_collection, of_source


def origin_of(source: OfferedSource) -> str:
    """A workbook's rows leave where its collection's documents may; a database's never."""
    return of_source(source.id) if source.collection_id is None else of_collection(source.collection_id)
