"""Callers at the same moment share batches; nobody waits for company, and nobody's fault is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.embedding.batching import batches
from inference.embedding.joining import Joining
from inference.embedding.lanes import Lanes


class Model:
    """Its vector of a text is the text's length. Each batch waits for `may_go`."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []
        self.may_go = asyncio.Semaphore(0)

    async def run(self, texts: list[str]) -> NDArray[np.float32]:
        """A batch."""
        self.seen.append(texts)
        await self.may_go.acquire()
        if "bad" in texts:
            raise ValueError("bad")
        return np.array([[len(text)] for text in texts], np.float32)

    def plan(self, texts: Sequence[str]) -> list[list[int]]:
        """Four together at most."""
        return batches([len(text) for text in texts], most=4, most_tokens=1000)


@pytest.fixture
async def model() -> Model:
    """One that waits."""
    return Model()


async def steps() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_comes_during_a_batch_shares_the_next(model: Model) -> None:
    """A lone caller goes at once; of eight others four go together, then four."""
    joining = Joining(model.run, model.plan, Lanes(1))
    callers = [asyncio.create_task(joining.vectors(["a"]))]
    await steps()
    callers += [asyncio.create_task(joining.vectors([letter])) for letter in "bcdefghi"]
    await steps()

    assert model.seen == [["a"]]
    for _ in range(3):
        model.may_go.release()
    found = await asyncio.gather(*callers)

    assert [len(batch) for batch in model.seen] == [1, 4, 4]
    assert all(vectors[0][0] == 1.0 for vectors in found)
    assert joining.batches == 3


async def test_the_oldest_is_never_passed_over(model: Model) -> None:
    """A short text that came first goes before a crowd of long ones, though they would fill a batch."""
    joining = Joining(model.run, model.plan, Lanes(1))
    first = asyncio.create_task(joining.vectors(["x"]))
    await steps()
    others = [asyncio.create_task(joining.vectors(["short"]))]
    await steps()
    others += [asyncio.create_task(joining.vectors(["long" * 50])) for _ in range(8)]
    await steps()
    for _ in range(10):
        model.may_go.release()
    await asyncio.gather(first, *others)

    assert "short" in model.seen[1]


async def test_who_leaves_takes_along_what_has_not_begun(model: Model) -> None:
    """Its texts are never computed; those of others are."""
    joining = Joining(model.run, model.plan, Lanes(1))
    first = asyncio.create_task(joining.vectors(["a"]))
    await steps()
    leaving = asyncio.create_task(joining.vectors(["gone", "gone too"]))
    staying = asyncio.create_task(joining.vectors(["here"]))
    await steps()
    leaving.cancel()
    await steps()
    for _ in range(2):
        model.may_go.release()
    await asyncio.gather(first, staying)

    assert model.seen == [["a"], ["here"]]


async def test_a_batch_that_fails_is_told_to_whoever_was_in_it(model: Model) -> None:
    """And the next one is computed."""
    joining = Joining(model.run, model.plan, Lanes(1))
    bad = asyncio.create_task(joining.vectors(["bad"]))
    await steps()
    good = asyncio.create_task(joining.vectors(["good"]))
    for _ in range(2):
        model.may_go.release()

    with pytest.raises(ValueError, match="bad"):
        await bad
    assert (await good)[0][0] == 4.0


async def test_as_many_batches_run_as_there_are_places(model: Model) -> None:
    """Two threads, two batches at once."""
    joining = Joining(model.run, model.plan, Lanes(2))
    asked = asyncio.create_task(joining.vectors(["a", "b"]))
    await steps()
    more = asyncio.create_task(joining.vectors(["c", "d"]))
    await steps()

    assert len(model.seen) == 2
    for _ in range(2):
        model.may_go.release()
    assert [len(await one) for one in (asked, more)] == [2, 2]
