"""Where the next page of a list by time begins: a moment and an id, in one word that clients hand back as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from appliance.errors import InvalidRequest


def cursor(moment: datetime, row_id: str) -> str:
    """`before` of the next page."""
    return f"{moment.astimezone(UTC).isoformat()}_{row_id}".replace("+00:00", "Z")


def parse_cursor(text: str | None) -> tuple[datetime, str] | None:
    """Raises InvalidRequest for what is no cursor of ours."""
    if text is None:
        return None
    moment, _, row_id = text.partition("_")
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not row_id.isascii() or not row_id.replace("-", "").isalnum():
        raise InvalidRequest("`before` is not the `next` of an earlier answer.", param="before")
    return found, row_id


def parse_moment(text: str | None, param: str, *, is_end: bool = False) -> datetime | None:
    """A moment, or a day in UTC; is_end: a day counts to its end. Raises InvalidRequest."""
    if text is None:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1 if is_end else 0)
            return datetime.combine(day, time(), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"`{param}` is a day (2026-01-31) or a moment of ISO 8601.", param=param
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
