"""What `./setup.sh gpu|cpu` looks at before it changes anything: each problem names the thing and the remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.deploy.fake_machine import Checkout, checkout, root_certificate

__all__ = ["checkout", "root_certificate"]

FAILS = '#!/bin/sh\necho "$SAID"\nexit 9\n'
EFI = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def _put(checkout: Checkout, path: str, content: bytes = b"") -> None:
    (checkout.machine / path).parent.mkdir(parents=True, exist_ok=True)
    (checkout.machine / path).write_bytes(content)


def _problems(checkout: Checkout, *words: str, **environment: str) -> list[str]:
    """What the check says against this machine; it changes nothing, whatever it finds."""
    done = checkout.run("./setup.sh", *(words or ("gpu",)), "--check", **environment)
    found = [line for line in done.stderr.splitlines() if line.startswith("    PROBLEM")]

    assert done.returncode == (1 if found else 0), done.stderr
    assert not (checkout.folder / ".env").exists() and not (checkout.folder / "secrets").exists()
    assert " up -d" not in (checkout.noted() if checkout.notes.exists() else "")
    return found


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
def test_a_machine_that_fits_is_told_so(checkout: Checkout, profile: str) -> None:
    """Every part has its line, and nothing is written or started."""
    done = checkout.run("./setup.sh", profile, "--check")

    assert done.returncode == 0, done.stderr
    parts = [
        "docker:",
        "memory: 64 GB",
        "port 80: free",
        "port 443: free",
        "clock:",
        "model:",
        "disk: 200 GB",
    ]
    if profile == "gpu":
        parts += ["driver: 580.95.05", "GPU: NVIDIA L40S, 46068 MiB", "container toolkit:"]
    assert [part for part in parts if f"ok       {part}" not in done.stdout] == []
    assert "nothing was changed" in done.stdout
    assert not (checkout.folder / ".env").exists() and not (checkout.folder / "secrets").exists()
    assert " up -d" not in checkout.noted()


def test_all_problems_are_told_at_once(checkout: Checkout) -> None:
    """Nobody has to come back for the next one after each repair; without --check that is the end, too."""
    checkout.without("nvidia-ctk")
    (checkout.machine / "proc" / "meminfo").write_text("MemTotal: 4194304 kB\n", encoding="utf-8")

    done = checkout.run("./setup.sh", "gpu", TAKEN="443", BY='users:(("nginx",pid=7,fd=6))')

    assert done.returncode == 1
    assert [line.split(":")[0].split()[-1] for line in done.stderr.splitlines() if "  PROBLEM" in line] == [
        "toolkit",
        "memory",
        "443",
    ]
    assert "the 3 lines with PROBLEM above" in done.stderr
    assert not (checkout.folder / ".env").exists() and " up -d" not in checkout.noted()


@pytest.mark.parametrize(
    ("program", "text", "said"),
    [
        ("docker", "#!/bin/sh\nexit 1\n", ("sudo systemctl start docker", "usermod -aG docker")),
        (
            "df",
            "#!/bin/sh\necho header\necho '/dev/x 1 1 1048576 1% /'\n",
            ("1 GB free", "data-root", "--model"),
        ),
        ("nvidia-container-cli", FAILS, ("does not reach the driver", "nvidia-modprobe")),
    ],
    ids=["engine", "disk", "toolkit"],
)
def test_a_program_that_fails_is_explained(
    checkout: Checkout, program: str, text: str, said: tuple[str, ...]
) -> None:
    """With what it is, and the command that mends it."""
    checkout.program(program, text)

    problems = "\n".join(_problems(checkout, SAID="initialization error"))

    assert all(part in problems for part in said), problems


def test_without_docker_the_rest_is_looked_at_all_the_same(checkout: Checkout) -> None:
    """A fresh machine: what to install, and what it lacks besides."""
    checkout.without("docker")
    checkout.program("docker", "#!/bin/sh\nexit 127\n")

    done = checkout.run("./setup.sh", "gpu", "--check", DRIVER="535.183.01")

    assert "PROBLEM  docker:" in done.stderr and "PROBLEM  driver: 535.183.01 is too old" in done.stderr
    assert "ok       memory" in done.stdout


# the card and its driver ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "remedy"),
    [
        ("ID=ubuntu\nVERSION_ID=24.04\n", "nvidia-headless-580-server-open nvidia-utils-580-server"),
        ("ID=debian\nVERSION_ID=12\n", "repos/debian12/x86_64/cuda-keyring_1.1-1_all.deb"),
        ("ID=fedora\n", "driver-installation-guide"),
    ],
    ids=["ubuntu", "debian", "another"],
)
def test_an_old_driver_is_named_with_the_package_of_this_system(
    checkout: Checkout, release: str, remedy: str
) -> None:
    """What the pinned image's CUDA needs, and where this distribution has it."""
    (checkout.machine / "etc" / "os-release").write_text(release, encoding="utf-8")

    problems = _problems(checkout, DRIVER="570.195.03")

    assert len(problems) == 1
    assert "570.195.03 is too old" in problems[0] and "CUDA 13.0" in problems[0] and remedy in problems[0]


def test_the_drivers_table_knows_the_pinned_image(checkout: Checkout) -> None:
    """Whoever moves the tag must say what it needs."""
    compose = (checkout.folder / "docker-compose.gpu.yml").read_text(encoding="utf-8")
    table = (checkout.folder / "deploy" / "drivers.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]

    assert {tag for tag, *_ in rows if f"vllm/vllm-openai:{tag}" in compose} == {rows[-1][0]}
    assert all(len(row) == 4 for row in rows)


def test_a_driver_that_is_silent_is_asked_why(checkout: Checkout) -> None:
    """nouveau, Secure Boot, a module that is not loaded, an upgrade without a restart: each has its own remedy."""
    checkout.program("nvidia-smi", FAILS)
    dead = _problems(checkout, SAID="No devices were found")
    stale = _problems(checkout, SAID="Failed to initialize NVML: Driver/library version mismatch")
    (checkout.machine / "sys/module/nvidia/version").unlink()
    (checkout.machine / "sys/module/nvidia").rmdir()
    unloaded = _problems(checkout, SAID="couldn't communicate")
    _put(checkout, EFI, bytes((6, 0, 0, 0, 1)))
    unsigned = _problems(checkout, SAID="couldn't communicate")
    _put(checkout, "sys/module/nouveau/version")
    taken = _problems(checkout, SAID="couldn't communicate")

    assert "dmesg" in dead[0]
    assert "Restart the machine" in stale[0] and "upgraded" in stale[0]
    assert "linux-headers" in unloaded[0]
    assert "mokutil --import /var/lib/dkms/mok.pub" in unsigned[0]
    assert "nouveau" in taken[0]


def test_a_card_without_driver_and_no_card_are_told_apart(checkout: Checkout) -> None:
    """The one needs a package, the other a card or the profile without one."""
    checkout.without("nvidia-smi")
    without_driver = _problems(checkout)
    _put(checkout, "sys/bus/pci/devices/0000:01:00.0/vendor", b"0x8086\n")
    without_card = _problems(checkout)

    assert "cuda-keyring" in without_driver[0] and "not installed" in without_driver[0]
    assert "./setup.sh cpu" in without_card[0] and "no NVIDIA card" in without_card[0]


def test_cards_are_weighed_against_the_model(checkout: Checkout) -> None:
    """Too old for vLLM; too small for the model, with those that fit; of several the smallest counts."""
    old = _problems(checkout, CARDS="Tesla V100-SXM2-32GB, 32768, 7.0")
    small = _problems(checkout, "gpu", "--model", "Qwen/Qwen2.5-72B-Instruct-AWQ")
    smallest = _problems(checkout, CARDS="NVIDIA L40S, 46068, 8.9\\nNVIDIA T4, 15360, 7.5")
    unknown = checkout.run("./setup.sh", "gpu", "--check", "--model", "somebody/else")

    assert "compute capability 7.0" in old[0] and "./setup.sh cpu" in old[0]
    assert "the card has 44 GiB" in small[0] and "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8" in small[0]
    assert "the card has 15 GiB" in smallest[0] and "Qwen/Qwen3-4B-Instruct-2507" in smallest[0]
    assert "nobody knows here whether it fits" in unknown.stdout and unknown.returncode == 0


def test_docker_has_to_hand_the_card_over(checkout: Checkout) -> None:
    """The toolkit is there, docker knows it, and where the image is here a container is tried."""
    checkout.has("missing")
    unknown = [line for line in _problems(checkout) if "toolkit" in line]
    Path(f"{checkout.notes}.missing").unlink()
    checkout.has("image")
    tried = checkout.run("./setup.sh", "gpu", "--check")
    checkout.has("no-gpu")
    refused = _problems(checkout)

    assert "nvidia-ctk runtime configure --runtime=docker" in unknown[0]
    assert "a container sees 1 GPU(s)" in tried.stdout
    assert "does not get the GPU (could not select device driver)" in refused[0]


def test_a_card_that_would_be_lost_is_foreseen(checkout: Checkout) -> None:
    """With the cgroup driver systemd a reload takes the GPU away; `--install` sets what NVIDIA advises, once."""
    settings = checkout.machine / "etc" / "docker" / "daemon.json"
    checkout.program("id", "#!/bin/sh\necho 0\n")
    checkout.program("systemctl", '#!/bin/sh\necho "systemctl $*" >>"$NOTES"\n')
    checkout.program("apt-get", "#!/bin/sh\nexit 9\n")
    looked = checkout.run("./setup.sh", "gpu", "--check", CGROUPS="systemd")
    settings.parent.mkdir()
    settings.write_text(
        '{\n    "runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}\n}\n'
    )
    first = checkout.run("./setup.sh", "gpu", "--install", CGROUPS="systemd")
    written = settings.read_bytes()
    second = checkout.run("./setup.sh", "gpu", "--install", CGROUPS="systemd")

    assert "native.cgroupdriver=cgroupfs" in looked.stdout and looked.returncode == 0
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert json.loads(written)["exec-opts"] == ["native.cgroupdriver=cgroupfs"]
    assert "nvidia" in json.loads(written)["runtimes"]
    assert settings.read_bytes() == written
    assert checkout.noted().count("systemctl restart docker") == 1


# the rest of the machine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken", "by", "containers", "said"),
    [
        ("80", 'users:(("apache2",pid=7,fd=4))', "", "systemctl disable --now apache2"),
        ("443", "", "", "sudo ss -ltnp 'sport = :443'"),
        ("80", "", "proxy-1 0.0.0.0:80->80/tcp\n", "docker stop proxy-1"),
    ],
    ids=["program", "unseen", "container"],
)
def test_a_taken_port_names_who_has_it(
    checkout: Checkout, taken: str, by: str, containers: str, said: str
) -> None:
    """And how it becomes free."""
    Path(f"{checkout.notes}.ports").write_text(containers, encoding="utf-8")

    problems = _problems(checkout, TAKEN=taken, BY=by)

    assert len(problems) == 1 and f"port {taken}:" in problems[0] and said in problems[0]


def test_our_own_proxy_may_have_its_ports(checkout: Checkout) -> None:
    """A second run meets the first one's Caddy."""
    Path(f"{checkout.notes}.ports").write_text("box-caddy-1 0.0.0.0:80->8080/tcp\n", encoding="utf-8")

    assert _problems(checkout, "cpu", TAKEN="80") == []


def test_room_is_asked_for_what_is_still_to_come(checkout: Checkout) -> None:
    """Images, model and data at first; data alone when the rest is here."""
    checkout.program("df", "#!/bin/sh\necho header\necho '/dev/x 1 1 31457280 1% /'\n")
    first = _problems(checkout)
    checkout.has("image")

    assert "30 GB free; 62 GB are needed (data 10, images about 36, the model 16)" in first[0]
    assert _problems(checkout) == []


def test_a_clock_that_nobody_keeps_is_a_note(checkout: Checkout) -> None:
    """A closed network may have none; it is said, and nothing is refused."""
    done = checkout.run("./setup.sh", "cpu", "--check", SYNCHRONISED="no")

    assert done.returncode == 0
    assert "timedatectl set-ntp true" in done.stdout
