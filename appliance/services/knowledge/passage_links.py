"""What a citation says of its place: by what its format has, and the address of its page with the passage marked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from appliance.domain.answers import Citation
from appliance.services.knowledge import identifiers


def as_location(citation: Citation) -> dict[str, Any]:
    """Only what the format has: page, heading, sheet, cells, slide, ref."""
    return {name: value for name, value in asdict(citation.location).items() if value is not None}


def passage_link(citation: Citation) -> str:
    """Below the box's own address. A format without pages has one page."""
    file_id = identifiers.wire(identifiers.FILE, citation.file_id)
    place = f"/api/documents/{file_id}/pages/{citation.page or 1}"
    if citation.page_start is None or citation.page_end is None:
        return f"{place}?{urlencode({'quote': citation.quote})}"
    return f"{place}?{urlencode({'start': citation.page_start, 'end': citation.page_end})}"
