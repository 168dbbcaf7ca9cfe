"""The bundle for machines without the internet: packed, checked, installed, refused.

The checkout is as small as can be.

The whole one is installed in a network without a route by the battery `airgap` (test_airgap_install.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.deploy.bundle_maker import (
    MACHINE,
    PYTHON,
    ROOT,
    SmallCheckout,
    describe,
    run,
    seal,
    small_checkout,
    unpacked,
)

pytestmark = pytest.mark.slow

SCRIPTS = (
    "scripts/airgap_bundle.sh",
    "scripts/airgap/images.sh",
    "scripts/airgap/signing.sh",
    "deploy/airgap/install.sh",
)


@dataclass(frozen=True)
class Packed:
    """One bundle, signed. key: the public half."""

    checkout: SmallCheckout
    archive: Path
    said: str
    key: Path


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Not to be written to."""
    folder = tmp_path_factory.mktemp("bundle")
    checkout = small_checkout(folder)
    for name in ("key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    done = checkout.bundle(
        "--no-embedding", "--output", str(folder / "out"), "--sign", f"ssh:{folder / 'key'}"
    )
    assert done.returncode == 0, done.stderr
    return Packed(checkout, next((folder / "out").glob("*.tar.gz")), done.stdout, folder / "key.pub")


@pytest.fixture
def bundle(packed: Packed, tmp_path: Path) -> Path:
    """Unpacked; the folder's name has a space in it."""
    return unpacked(packed.archive, tmp_path / "on a stick")


@dataclass(frozen=True)
class Place:
    """Where a bundle is installed."""

    prefix: Path
    data: Path

    def install(
        self, bundle: Path, command: str, *words: str, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """`./install.sh COMMAND` of that bundle."""
        options = ("--prefix", str(self.prefix), "--data", str(self.data))
        return run("./install.sh", command, *options, *words, cwd=bundle, **more)

    def is_untouched(self) -> bool:
        return not self.prefix.exists() and not self.data.exists()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Nothing is there yet."""
    return Place(tmp_path / "opt dir", tmp_path / "data")


def test_the_scripts_are_clean() -> None:
    """shellcheck has nothing to say about them."""
    program = Path(sys.executable).parent / "shellcheck"
    if not program.exists():
        pytest.skip("shellcheck is not installed")

    done = subprocess.run([program, "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout == ""


def test_it_holds_what_was_promised_and_no_test(packed: Packed, bundle: Path) -> None:
    """Code, wheels, what installs them, one install.sh, and a checksum of each file; its own is printed."""
    listed = {line.split(maxsplit=1)[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()}
    there = {str(file.relative_to(bundle)) for file in bundle.rglob("*") if file.is_file()}
    archive_sum = packed.archive.with_name(f"{packed.archive.name}.sha256").read_text().split()[0]

    assert bundle.name == f"llm-appliance-1.2.3-py{PYTHON.replace('.', '')}-{MACHINE}"
    assert there - listed == {"SHA256SUMS", "SHA256SUMS.sig"}
    assert {"install.sh", "wheels/tiny-1.0-py3-none-any.whl", "code/setup.sh"} <= listed
    assert not any("tests" in name for name in listed)
    assert f"{packed.archive.stat().st_size} bytes, sha256 {archive_sum}" in packed.said


def test_the_same_input_gives_the_same_bytes_and_parts_are_put_together(
    packed: Packed, tmp_path: Path
) -> None:
    """By another umask, into another folder, from files with other times; each part has its checksum, and the whole."""
    for file in packed.checkout.wheels.iterdir():
        file.touch()
    private = packed.key.with_suffix("")
    options = f"--no-embedding --split 1M --output '{tmp_path}' --sign ssh:{private}"
    words = f"umask 077; exec scripts/airgap_bundle.sh {options}"
    done = run(
        *("bash", "-c", words),
        cwd=packed.checkout.folder,
        APPLIANCE_VENV=sys.prefix,
        PIP_FIND_LINKS=str(packed.checkout.wheels),
    )
    parts = sorted(tmp_path.glob("*.part-*"))
    joined = tmp_path / packed.archive.name
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))

    assert done.returncode == 0, done.stderr
    assert len(parts) > 1
    assert joined.read_bytes() == packed.archive.read_bytes()
    assert run("sha256sum", "--check", "--strict", f"{joined.name}.sha256", cwd=tmp_path).returncode == 0


def test_it_is_installed_without_an_index_and_again_as_an_upgrade(bundle: Path, place: Place) -> None:
    """With an index configured that nobody answers at. The second time data, settings and packages stay as they are;
    a model of the same name is replaced, and what an earlier run left behind stops nothing."""
    nowhere = "http://127.0.0.1:9/"
    elsewhere = {"PIP_INDEX_URL": nowhere, "UV_DEFAULT_INDEX": nowhere, "PIP_NO_INDEX": "0"}
    first = place.install(bundle, "run", "--", "--port", "0", **elsewhere)
    for model, text in ((place.data / "models" / "own", "old"), (bundle / "models" / "own", "new")):
        model.mkdir(parents=True)
        (model / "model.onnx").write_text(text)
    (bundle / "models" / "some.gguf").write_text("gguf")
    (place.data / "appliance.toml").write_text("# mine\n")
    (place.data / "supervisor.json").write_text(json.dumps({"pid": 2**22 + 1, "version": "1.2.3"}))
    (place.prefix / ".env").write_text("MINE=1\n")
    (bundle / "code" / "appliance" / "__init__.py").write_text('__version__ = "1.2.4"\n')
    describe(bundle, VERSION="1.2.4")
    second = place.install(bundle, "run", **elsewhere)

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"runs hello ['up', '--data', '{place.data}', '--port', '0']"
    assert second.returncode == 0, second.stderr
    assert "installing the packages" not in second.stdout and "/proc" not in second.stderr
    assert (place.prefix / "appliance" / "__init__.py").read_text() == '__version__ = "1.2.4"\n'
    assert (place.data / "appliance.toml").read_text() == "# mine\n"
    assert (place.prefix / ".env").read_text() == "MINE=1\n"
    assert (place.data / "models" / "own" / "model.onnx").read_text() == "new"
    assert (place.data / "models" / "some.gguf").read_text() == "gguf"


def flip(bundle: Path) -> str:
    """One bit of a wheel."""
    file = bundle / "wheels" / "tiny-1.0-py3-none-any.whl"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return "wheels/tiny-1.0-py3-none-any.whl: FAILED"


def lose(bundle: Path) -> str:
    """A file."""
    (bundle / "code" / "setup.sh").unlink()
    return "code/setup.sh: FAILED open or read"


def add(bundle: Path) -> str:
    """A wheel that nobody packed."""
    (bundle / "wheels" / "evil-1.0-py3-none-any.whl").touch()
    return "Take it away: wheels/evil-1.0-py3-none-any.whl"


def link(bundle: Path) -> str:
    """To somewhere else."""
    (bundle / "models").symlink_to("/etc")
    return "Take it away: models"


def unlist(bundle: Path) -> str:
    """The checksums are gone."""
    (bundle / "SHA256SUMS").unlink()
    return "SHA256SUMS is missing"


@pytest.mark.parametrize("spoil", [flip, lose, add, link, unlist], ids=lambda spoil: spoil.__name__)
def test_what_is_not_as_it_was_packed_is_named_and_nothing_is_touched(
    bundle: Path, place: Place, spoil: Callable[[Path], str]
) -> None:
    """One flipped bit, a lost file, one too many, a link to somewhere, no list at all."""
    named = spoil(bundle)

    done = place.install(bundle, "install")

    assert done.returncode == 1
    assert named in done.stderr
    assert place.is_untouched()


def test_a_signature_says_who_packed_it(packed: Packed, bundle: Path, place: Place) -> None:
    """Known by a key that came another way. Sums made anew over changed content have no signature any more."""
    known = run("./install.sh", "verify", "--trust", packed.key, cwd=bundle)
    other = run("./install.sh", "verify", "--trust", packed.key.with_name("other.pub"), cwd=bundle)
    (bundle / "code" / "more.py").touch()
    seal(bundle)
    changed = place.install(bundle, "install", "--trust", str(packed.key))
    (bundle / "SHA256SUMS.sig").unlink()
    unsigned = place.install(bundle, "install", "--trust", str(packed.key))

    assert known.returncode == 0, known.stderr
    assert "signed by the key" in known.stdout
    for refused in (other, changed, unsigned):
        assert refused.returncode == 1
        assert "the signature is not of the key" in refused.stderr
    assert place.is_untouched()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"MACHINE": "riscv64"}, "this bundle is for riscv64, this machine is"),
        ({"PYTHON": "3.99"}, "this bundle is for Python 3.99, and none was found"),
        ({"GLIBC": "2.99"}, "this bundle needs glibc 2.99 or newer"),
        ({"NEEDED_MB": "999999999"}, "needs 999999999 MB; there are"),
    ],
    ids=["machine", "python", "glibc", "disk"],
)
def test_a_machine_that_it_is_not_for_is_told_so(
    bundle: Path, place: Place, values: dict[str, str], sentence: str
) -> None:
    """Before anything is written."""
    describe(bundle, **values)

    done = place.install(bundle, "install")

    assert done.returncode == 1
    assert sentence in done.stderr
    assert place.is_untouched()


@pytest.fixture
def running(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says it is the appliance of that data folder."""
    place.data.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", "appliance"], stdin=subprocess.PIPE
    )
    (place.data / "supervisor.json").write_text(json.dumps({"pid": process.pid, "version": "1"}))
    yield process
    process.kill()
    process.wait()


def test_code_is_not_taken_away_below_a_running_appliance(
    bundle: Path, place: Place, running: subprocess.Popen[bytes]
) -> None:
    """It says which process."""
    done = place.install(bundle, "install")

    assert f"runs (process {running.pid}). Stop it first." in done.stderr
    assert not place.prefix.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--imges", "gpu"], "there is no option --imges"),
        (["--python"], "--python needs a value"),
        (["--python", "3.10"], "--python is 3.11, 3.12 or 3.13, not '3.10'"),
        (["--glibc", "musl"], "--glibc is a version such as 2.28"),
        (["--machine", "i386"], "--machine is x86_64 or aarch64"),
        (["--split", "4GiB"], "--split is a size such as 4000M"),
        (["--ref", "nowhere"], "git knows no commit nowhere"),
        (["--models", "/nowhere"], "there is no folder /nowhere"),
        (["--sign", "pgp:x"], "--sign is ssh:FILE, minisign:FILE or gpg:ID"),
        (["--sign", "ssh:/nowhere"], "the key /nowhere cannot be read"),
        (["--images", "gpu"], "--images needs a docker engine here"),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_a_mistake_is_said_before_anything_is_packed(packed: Packed, words: list[str], sentence: str) -> None:
    """In one sentence, within a moment."""
    done = packed.checkout.bundle("--output", "/nowhere/out", *words, DOCKER_HOST="unix:///nowhere")

    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    assert done.stdout == ""


DOCKER = """#!/bin/sh
echo "$*" >>"$NOTES"
case $1 in save) echo "of $4" >"$3" ;; esac
"""
SETUP = '#!/bin/sh\necho "setup $*" >>"$NOTES"\n'


@dataclass(frozen=True)
class Docked:
    """A bundle with images, made and installed with a docker that only notes. pinned: one image, by its digest too."""

    bundle: Path
    images: list[str]
    pinned: str
    noted: list[str]
    installed: Callable[[str], subprocess.CompletedProcess[str]]
    notes: Path


@pytest.fixture(scope="module")
def docked(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> Docked:
    """With models too: a folder, and a hub's cache as it lies on a disk."""
    folder = tmp_path_factory.mktemp("docked")
    checkout = SmallCheckout(folder / "checkout", packed.checkout.wheels)
    shutil.copytree(packed.checkout.folder, checkout.folder)
    compose = checkout.folder / "docker-compose.gpu.yml"
    services = yaml.safe_load(compose.read_text())["services"].values()
    images = sorted({s["image"] for s in services if not s["image"].startswith("llm-appliance")})
    pinned = f"{images[0]}@sha256:{'ab' * 32}"
    compose.write_text(compose.read_text().replace(f"image: {images[0]}\n", f"image: {pinned}\n"))
    (checkout.folder / "setup.sh").write_text(SETUP)
    checkout.commit("pinned")
    (folder / "bin").mkdir()
    (folder / "bin" / "docker").write_text(DOCKER)
    (folder / "bin" / "docker").chmod(0o755)
    environment = {"NOTES": str(folder / "notes"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    words = ("--no-embedding", "--images", "gpu", "--models", str(hub_cache(folder)), "--output", str(folder))
    done = checkout.bundle(*words, **environment)
    assert done.returncode == 0, done.stderr
    bundle = unpacked(next(folder.glob("*-gpu.tar.gz")), folder / "unpacked")
    noted = (folder / "notes").read_text().splitlines()
    (folder / "notes").unlink()
    place = Place(folder / "opt", folder / "data")
    return Docked(
        *(bundle, images, pinned, noted),
        lambda command: place.install(bundle, command, **environment),
        folder / "notes",
    )


def hub_cache(folder: Path) -> Path:
    """Models as people have them: links from a snapshot to its blobs, and a folder of one's own."""
    model = folder / "models" / "models--org--name"
    for part in (model / "blobs", model / "refs", model / "snapshots" / "abc", folder / "models" / "own"):
        part.mkdir(parents=True)
    (model / "blobs" / "123").write_text("weights")
    (model / "refs" / "main").write_text("abc")
    (model / "snapshots" / "abc" / "model.safetensors").symlink_to("../../blobs/123")
    (folder / "models" / "own" / "model.onnx").write_text("own")
    return folder / "models"


def test_images_are_those_of_the_compose_file(docked: Docked) -> None:
    """Fetched as they are pinned, saved by their tags, by which the packed file names them; it builds nothing."""
    saved = sorted(line.split()[-1] for line in docked.noted if line.startswith("save"))
    compose = yaml.safe_load((docked.bundle / "code" / "docker-compose.gpu.yml").read_text())["services"]
    named = {service["image"].partition(":$")[0] for service in compose.values()}

    assert saved == sorted([*docked.images, "llm-appliance:latest"])
    assert f"pull --quiet {docked.pinned}" in docked.noted
    assert f"tag {docked.pinned} {docked.images[0]}" in docked.noted
    assert named == {*docked.images, "llm-appliance"}
    assert not [name for name, service in compose.items() if "build" in service]


def test_models_are_packed_without_links(docked: Docked) -> None:
    """What a hub's cache links to is packed once, as the file itself."""
    model = docked.bundle / "hub" / "models--org--name"

    assert (model / "snapshots" / "abc" / "model.safetensors").read_text() == "weights"
    assert not (model / "blobs").exists()
    assert (docked.bundle / "models" / "own" / "model.onnx").read_text() == "own"


def test_images_and_models_are_loaded_before_the_stack_is_brought_up(docked: Docked) -> None:
    """Every file once, the hub's model into the engine's volume; a stack that was not packed is refused."""
    done = docked.installed("gpu")
    noted = docked.notes.read_text().splitlines()
    other = docked.installed("cpu")

    assert done.returncode == 0, done.stderr
    assert len([line for line in noted if line.startswith("load")]) == len(docked.images) + 1
    assert any("models--org--name:/from:ro --entrypoint sh model" in line for line in noted)
    assert noted[-1] == "setup gpu"
    assert "this bundle has no images for 'cpu'" in other.stderr
