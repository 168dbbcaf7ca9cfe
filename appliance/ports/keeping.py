"""How a change says that something stays as it is."""

from __future__ import annotations

from enum import Enum


class Keep(Enum):
    """Leave a field as it is, where None is a value of its own."""

    AS_IT_IS = "as it is"
