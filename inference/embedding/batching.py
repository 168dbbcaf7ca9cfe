"""Which texts go through a model together: those of like length, so that little of a batch is padding. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def batches(lengths: Sequence[int], *, most: int, most_tokens: int) -> list[list[int]]:
    """Places of the texts, longest first; each batch has at most `most` of them and `most_tokens` with its padding.

    lengths: of each text in tokens. A text that is longer than most_tokens is a batch by itself.
    """
    found: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        batch = found[-1] if found else None
        if batch is None or len(batch) >= most or lengths[batch[0]] * (len(batch) + 1) > most_tokens:
            found.append([place])
        else:
            batch.append(place)
    return found
