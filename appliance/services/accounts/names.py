"""E-mail addresses and group names: what is accepted, and the form in which two of them are compared.

Compatibility forms (full-width letters, ligatures) and case do not make another person; letters of another alphabet
that only look alike do, and are told apart by nobody here.
"""

from __future__ import annotations

import unicodedata

from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest

_LONGEST_EMAIL = 254


def email_key(email: str) -> str:
    """What is compared and unique. Folding may undo NFKC and the other way round, hence twice."""
    return _folded(email.strip())


def checked_email(email: str) -> str:
    """The address as it is kept and shown. Raises InvalidRequest."""
    address = unicodedata.normalize("NFC", email.strip())
    local, at, domain = address.rpartition("@")
    is_plain = not any(_is_hidden(c) or c.isspace() or c in '<>()[]",;:\\' for c in address)
    key = email_key(address)
    if not (at and local and domain and is_plain and key.count("@") == 1 and " " not in key):
        raise InvalidRequest(Told("email_wrong"), param="email")
    if len(address) > _LONGEST_EMAIL or len(key) > _LONGEST_EMAIL:
        raise InvalidRequest(Told("email_long", most=_LONGEST_EMAIL), param="email")
    return address


def checked_name(name: str, param: str = "name", *, longest: int = 200, may_be_empty: bool = True) -> str:
    """A person's, key's or group's name, without surrounding blanks. Raises InvalidRequest."""
    text = unicodedata.normalize("NFC", name.strip())
    if any(_is_hidden(c) for c in text):
        raise InvalidRequest(f"`{param}` has characters that cannot be seen.", param=param)
    if len(text) > longest or not (text or may_be_empty):
        raise InvalidRequest(f"`{param}` must have 1 to {longest} characters.", param=param)
    return text


def name_key(name: str) -> str:
    """The form in which group names are compared."""
    return _folded(name)


def _folded(text: str) -> str:
    # What PostgreSQL cannot hold becomes a character that no accepted name has, and so is found nowhere.
    text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once).casefold()


def _is_hidden(character: str) -> bool:
    # Control, format, surrogate, private use, unassigned: NUL and zero-width characters are among them.
    return character == "\ufffd" or unicodedata.category(character) in (
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
        "Zl",
        "Zp",
    )
