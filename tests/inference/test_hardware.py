"""What a machine has for models: with GPUs and without, in a container with a limit, and where nothing is told."""

from __future__ import annotations

from pathlib import Path

from inference.gpus import GpuReader
from inference.hardware import read_hardware
from inference.testing.fake_nvml import FakeCard, FakeNvml

MEMINFO = (
    "MemTotal:       65536 kB\nMemFree:         1000 kB\nMemAvailable:   32768 kB\nHugePages_Total:       0\n"
)
CPUINFO = """processor\t: 0
model name\t: AMD EPYC 9354
flags\t\t: fpu sse2 avx2 avx512f avx512_bf16 f16c

processor\t: 1
model name\t: AMD EPYC 9354
flags\t\t: fpu
"""


def _root(folder: Path, **files: str) -> Path:
    """A machine's /proc and /sys; a name's __ is a slash."""
    for name, text in {"proc__meminfo": MEMINFO, "proc__cpuinfo": CPUINFO, **files}.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_gpus_are_told_with_what_they_can_compute(tmp_path: Path) -> None:
    """A card that does not say its compute capability is still one."""
    driver = FakeNvml(FakeCard("NVIDIA L4", compute_capability=(8, 9)), FakeCard(compute_capability=None))
    found = read_hardware(GpuReader(driver), _root(tmp_path), tmp_path)

    assert [(gpu.index, gpu.name, gpu.compute_capability) for gpu in found.gpus] == [
        (0, "NVIDIA L4", (8, 9)),
        (1, "Card 1", None),
    ]
    assert driver.open == 0


def test_no_driver_is_a_normal_answer(tmp_path: Path) -> None:
    """The rest is told all the same; the disk is that of the nearest folder which exists."""
    found = read_hardware(GpuReader(FakeNvml(silent=12)), _root(tmp_path), tmp_path / "not" / "made" / "yet")

    assert found.gpus == ()
    assert (found.cpu.model, found.cpu.flags) == ("AMD EPYC 9354", ("avx2", "avx512_bf16", "avx512f", "f16c"))
    assert found.cpu.cores >= 1
    assert (found.ram_bytes, found.ram_free_bytes) == (65536 << 10, 32768 << 10)
    assert found.disk_free_bytes > 0


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    """Its own or that of one above it; files kept in memory can be given back."""
    root = _root(
        tmp_path,
        proc__self__cgroup="0::/box/gateway\n",
        sys__fs__cgroup__box__memory_DOT_max=f"{20 << 20}\n",
        sys__fs__cgroup__box__memory_DOT_current=f"{9 << 20}\n",
        sys__fs__cgroup__box__memory_DOT_stat=f"anon 1\ninactive_file {3 << 20}\n",
        sys__fs__cgroup__box__gateway__memory_DOT_max="max\n",
    )
    found = read_hardware(GpuReader(FakeNvml()), root, tmp_path)

    assert (found.ram_bytes, found.ram_free_bytes) == (20 << 20, 14 << 20)


def test_a_kernel_that_tells_nothing_is_survived(tmp_path: Path) -> None:
    """No /proc: zeros, from which no plan follows; a file of rubbish neither."""
    silent = read_hardware(GpuReader(FakeNvml()), tmp_path, tmp_path)
    rubbish = read_hardware(
        GpuReader(FakeNvml()),
        _root(tmp_path / "r", proc__meminfo="MemTotal: many\n\x00", proc__self__cgroup="x"),
    )

    assert (silent.ram_bytes, silent.ram_free_bytes, silent.cpu.model) == (0, 0, "")
    assert rubbish.ram_bytes == 0


def test_this_machine_can_be_read() -> None:
    """Whatever it is."""
    found = read_hardware()

    assert 0 < found.ram_free_bytes <= found.ram_bytes
    assert found.disk_free_bytes > 0
