"""How GPUs are, as NVML and the kernel tell: errors, repairs, heat, what is plugged in; and every way to be silent."""

from __future__ import annotations

from pathlib import Path

import pynvml  # type: ignore[import-untyped]
import pytest

from inference.gpu_health import look_at_gpus
from inference.testing.fake_nvml import FakeCard, FakeNvml


def _driver() -> FakeNvml:
    """Two cards: one with errors that it can count, one that cannot."""
    return FakeNvml(
        FakeCard(uncorrected=3, temperature_c=91, is_persistent=False),
        FakeCard(uncorrected=None, temperature_c=91, is_persistent=False),
        driver="550.54.15",
        cuda=12040,
    )


def _machine(root: Path, *devices: tuple[str, str]) -> Path:
    for at, (vendor, kind) in enumerate(devices):
        folder = root / f"sys/bus/pci/devices/0000:0{at}:00.0"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{kind}\n")
    return root


def test_what_a_card_tells_of_itself_is_told(tmp_path: Path) -> None:
    """Errors and persistence where it knows them; a power cap is no trouble, heat is."""
    driver = _driver()
    driver.cards[0].slowed_by |= pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    driver.cards[0].rows = (0, 1, 1, 0)

    seen = look_at_gpus(driver, tmp_path)

    first, second = seen.cards
    assert (seen.state, seen.driver, seen.cuda, seen.counted) == ("answers", "550.54.15", (12, 4), 2)
    assert (first.uncorrected, second.uncorrected) == (3, None)
    assert (first.slowed_by, first.repairs, first.is_persistent) == (("heat",), "waiting", False)
    assert first.temperature_c == 91
    assert driver.open == 0


def test_a_power_cap_and_a_card_without_repairs_are_no_trouble(tmp_path: Path) -> None:
    """Every card at full work has the first; consumer cards lack the second."""
    driver = _driver()
    driver.cards[0].rows = None

    (card, _) = look_at_gpus(driver, tmp_path).cards

    assert (card.slowed_by, card.repairs) == ((), "")


def test_one_that_fell_off_the_bus_is_counted_and_not_shown(tmp_path: Path) -> None:
    """So that somebody can miss it."""
    driver = _driver()
    driver.cards[1].is_lost = True

    seen = look_at_gpus(driver, tmp_path)

    assert (seen.counted, len(seen.cards)) == (2, 1)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (pynvml.NVML_ERROR_UNKNOWN, "unknown_error"),
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no_library"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not_loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "mismatch"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "silent"),
    ],
)
def test_every_way_of_being_silent_is_told_apart(code: int, state: str, tmp_path: Path) -> None:
    """With the library's own words, and how many cards the kernel sees; a network card of NVIDIA's is none."""
    root = _machine(tmp_path, ("0x10de", "0x030200"), ("0x10de", "0x020000"), ("0x1002", "0x030000"))

    seen = look_at_gpus(FakeNvml(silent=code), root)

    assert (seen.state, seen.plugged, seen.cards) == (state, 1, ())
    assert seen.detail
