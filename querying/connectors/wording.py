"""A database's own words, fit to be shown: cut, on one line, without where it is and who signs in there."""

from __future__ import annotations

_LONGEST = 500


def cleaned(said: str, *hidden: str) -> str:
    """hidden: the host, the user; never the password, which no database repeats and which is not handed here."""
    text = " ".join(said.split())
    for one in hidden:
        if len(one) > 2:
            text = text.replace(one, "…")
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
