"""What `./setup.sh gpu|cpu` asks, takes from the command line, and keeps: a second run has nothing to ask."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess

import pytest

from tests.deploy.fake_machine import ROOT, Checkout, checkout, root_certificate

__all__ = ["checkout", "root_certificate"]

NAME, CERTIFICATE, EMAIL = "Name that people", "1, 2 or 3", "E-mail address"
MODEL, TOKEN = "Number, or a model", "Hub token"


def test_an_operator_is_asked_once(checkout: Checkout) -> None:
    """Name, certificate and model on a terminal; the next run there asks nothing and leaves every file as it is."""
    answers = [(NAME, "box.lan"), (CERTIFICATE, ""), (MODEL, "2")]
    status, seen = checkout.talk(answers, "./setup.sh", "gpu")
    written = checkout.written()
    again, silent = checkout.talk([], "./setup.sh", "gpu")

    assert (status, again) == (0, 0), seen
    assert checkout.settings() == {
        "APPLIANCE_SITE": "box.lan",
        "APPLIANCE_TLS": "internal",
        "MODEL": "Qwen/Qwen3-4B-Instruct-2507",
        "MODEL_NAME": "qwen3-4b",
    }
    assert checkout.written() == written
    assert "]: " not in silent and "its fingerprint:" in silent
    assert stat.S_IMODE((checkout.folder / ".env").stat().st_mode) == 0o600


def test_a_public_name_is_offered_a_public_certificate(checkout: Checkout) -> None:
    """By ACME, with the e-mail address that its authority wants; a name of the house has one of the box's own."""
    answers = [(NAME, "chat.example.com"), (CERTIFICATE, ""), (EMAIL, "it@example.com"), (MODEL, "")]
    status, seen = checkout.talk(answers, "./setup.sh", "gpu")

    assert status == 0, seen
    assert "1, 2 or 3 [2]" in seen
    assert checkout.settings()["APPLIANCE_TLS"] == "it@example.com"


def test_the_table_shows_what_this_card_can_carry(checkout: Checkout) -> None:
    """Each model with its size, its licence and for how many; those that do not fit, or need a token, say so."""
    _, seen = checkout.talk([(MODEL, "")], "./setup.sh", "gpu", "--site", "box.lan", "--tls", "internal")
    lines = {line.split()[1]: line for line in seen.splitlines() if re.match(r"  \d  \S+/\S+", line)}

    assert len(lines) == 6
    assert "does not fit" in lines["Qwen/Qwen2.5-72B-Instruct-AWQ"]
    assert "about 75 people" in lines["Qwen/Qwen3-30B-A3B-Instruct-2507-FP8"]
    assert "needs a hub token" in lines["meta-llama/Llama-3.1-8B-Instruct"]
    assert checkout.settings()["MODEL"] == "Qwen/Qwen2.5-7B-Instruct"


def test_a_token_is_asked_for_with_the_gated_model(checkout: Checkout) -> None:
    """It goes into its file, without an echo on the terminal; for an open model nobody is asked."""
    options = ("--site", "box.lan", "--tls", "internal", "--model", "meta-llama/Llama-3.1-8B-Instruct")
    status, seen = checkout.talk([(TOKEN, "hf_geheim")], "./setup.sh", "gpu", *options)

    assert status == 0, seen
    assert checkout.secret("hub_token") == "hf_geheim"
    assert "hf_geheim" not in seen and "curl" not in checkout.noted()


def test_all_can_be_said_beforehand(checkout: Checkout) -> None:
    """For scripts: options win over the environment, that over .env; in .env only what changed is changed."""
    (checkout.folder / ".env").write_text(
        "# mine\nAPPLIANCE_SITE=old.lan\nENGINE_MEMORY=32g\n", encoding="utf-8"
    )
    (checkout.folder / "token").write_text("hf_x\n", encoding="utf-8")
    options = ["--yes", "--site", "new.lan", "--tls", "it@example.com", "--hub-token-file", "token"]
    model = ["--model", "meta-llama/Llama-3.1-8B-Instruct"]

    done = checkout.run("./setup.sh", "gpu", *options, *model, APPLIANCE_SITE="ignored.lan", HTTP_PORT="8080")

    assert done.returncode == 0, done.stderr
    assert checkout.settings() == {
        "ENGINE_MEMORY": "32g",
        "APPLIANCE_SITE": "new.lan",
        "APPLIANCE_TLS": "it@example.com",
        "MODEL": "meta-llama/Llama-3.1-8B-Instruct",
        "MODEL_NAME": "llama-3.1-8b",
        "HTTP_PORT": "8080",
    }
    assert (checkout.folder / ".env").read_text(encoding="utf-8").startswith("# mine\n")
    assert checkout.secret("hub_token") == "hf_x"


def test_a_name_of_ones_own_for_the_model_stays(checkout: Checkout) -> None:
    """Programs may know it; only the table's name for another model is replaced."""
    env = checkout.folder / ".env"
    env.write_text("MODEL=Qwen/Qwen3-4B-Instruct-2507\nMODEL_NAME=house-model\n", encoding="utf-8")
    checkout.run("./setup.sh", "gpu")
    own = checkout.settings()["MODEL_NAME"]
    env.write_text("MODEL=Qwen/Qwen3-4B-Instruct-2507\nMODEL_NAME=qwen2.5-7b\n", encoding="utf-8")
    checkout.run("./setup.sh", "gpu")

    assert (own, checkout.settings()["MODEL_NAME"]) == ("house-model", "qwen3-4b")


def test_an_own_certificate_is_checked_and_kept(checkout: Checkout) -> None:
    """It must fit its key and the name; then Caddy's folder has it, and the next run leaves it there."""
    folder = checkout.folder.parent
    files = f"{folder}/root.crt,{folder}/root.key"
    wrong_name = checkout.run("./setup.sh", "cpu", "--site", "other.lan", "--tls", files)
    (folder / "other.key").write_text("no key", encoding="utf-8")
    wrong_key = checkout.run(
        "./setup.sh", "cpu", "--site", "box.lan", "--tls", f"{folder}/root.crt,{folder}/other.key"
    )
    before = (checkout.folder / ".env").exists()
    first = checkout.run("./setup.sh", "cpu", "--site", "box.lan", "--tls", files)
    written = checkout.written()
    second = checkout.run("./setup.sh", "cpu")

    assert wrong_name.returncode == 1 and "is not for other.lan" in wrong_name.stderr
    assert wrong_key.returncode == 1 and "is not the key of" in wrong_key.stderr and not before
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert checkout.settings()["APPLIANCE_TLS"] == "/certificates/site.crt /certificates/site.key"
    assert written["site.crt"] == (folder / "root.crt").read_bytes()
    assert checkout.written() == written


def test_all_can_be_written_without_a_start(checkout: Checkout) -> None:
    """Before a restore onto a new machine: settings and secrets are there, and no container is."""
    done = checkout.run("./setup.sh", "cpu", "--no-start")

    assert done.returncode == 0, done.stderr
    assert "not started" in done.stdout and checkout.settings()["MODEL"] == "llama3.2:3b"
    assert checkout.secret("database_url") and " up -d" not in checkout.noted()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--site", "https://box.lan/"], "without https://"),
        (["--tls", "yes"], "internal, an e-mail address for ACME, or CERTIFICATE,KEY"),
        (["--tls", "/nowhere/a.crt,/nowhere/a.key"], "'/nowhere/a.crt' cannot be read"),
        (["--model", "a; rm -rf /"], "is no name of a model"),
        (["--model"], "--model needs a value"),
        (["--modle", "x"], "does not know '--modle'"),
        (["--hub-token-file", "/nowhere"], "--hub-token-file"),
    ],
    ids=["site", "tls", "certificate", "model", "nothing", "option", "token"],
)
def test_a_choice_that_is_none_is_refused(checkout: Checkout, options: list[str], said: str) -> None:
    """With what it may be; nothing is started."""
    done = checkout.run("./setup.sh", "gpu", *options)

    assert done.returncode == 1
    assert said in done.stderr, done.stderr
    assert " up -d" not in (checkout.noted() if checkout.notes.exists() else "")


def test_the_default_model_is_the_compose_files_own(checkout: Checkout) -> None:
    """Who starts the files by hand gets what setup.sh would choose, by the same name, and it needs no token."""
    for profile, engine in (("gpu", "vllm"), ("cpu", "ollama")):
        compose = (ROOT / f"docker-compose.{profile}.yml").read_text(encoding="utf-8")
        table = (ROOT / "deploy" / "models.tsv").read_text(encoding="utf-8")
        rows = [line.split("\t") for line in table.splitlines() if line.startswith(engine)]

        assert set(re.findall(r"\$\{MODEL:-([^}]+)\}", compose)) == {rows[0][1]}
        assert set(re.findall(r"\$\{MODEL_NAME:-([^}]+)\}", compose)) <= {rows[0][2]}
        assert rows[0][7] == "open"


# secrets --------------------------------------------------------------------------------------------------------------


def test_no_secret_is_among_a_programs_arguments(checkout: Checkout) -> None:
    """Every user of a machine can read those: whatever setup.sh calls is listened to, and hears none."""
    checkout.note_all()
    (checkout.folder / "token").write_text("hf_ganz_geheim", encoding="utf-8")

    done = checkout.run("./setup.sh", "gpu", "--hub-token-file", "token")

    told = checkout.noted()
    secrets = [path.read_text(encoding="utf-8") for path in (checkout.folder / "secrets").iterdir()]
    assert done.returncode == 0, done.stderr
    assert "openssl dgst" in told and len(secrets) == 12
    assert [secret[:4] for secret in secrets if secret in told or secret in done.stdout + done.stderr] == []


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
def test_no_secret_is_in_what_compose_shows(checkout: Checkout, profile: str) -> None:
    """`docker compose config`, which people paste into tickets, has paths; skipped without docker-compose."""
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed here")
    checkout.run("./setup.sh", profile)
    words = ["docker-compose", "-f", f"docker-compose.{profile}.yml", "config"]

    shown = subprocess.run(
        words, cwd=checkout.folder, capture_output=True, text=True, check=True, timeout=300
    )

    values = [path.read_text(encoding="utf-8") for path in (checkout.folder / "secrets").iterdir()]
    assert "/run/secrets/backup_passphrase" in shown.stdout
    assert [value[:4] for value in values if value and value in shown.stdout + shown.stderr] == []
