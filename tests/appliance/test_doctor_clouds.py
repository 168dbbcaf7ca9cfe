"""The doctor reads the sections of clouds and asks nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.bootstrap.box import open_box
from appliance.bootstrap.doctor.examination import examine
from appliance.bootstrap.doctor.place import look_at
from inference.testing.fake_cloud import FakeCloud

SECTION = """
[models.aliases]
"fast" = "llama"
[egress]
inside = ["127.0.0.1:{port}"]
[engines.far]
engine = "cloud"
provider = "openai"
base_url = "{url}"
api_key_file = "{key}"
model_map = {{"fast" = "gpt-4o-mini", "llama" = "gpt-of-tomorrow"}}
[engines.lost]
engine = "cloud"
provider = "custom"
base_url = "http://10.0.0.5/v1"
models = ["m"]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the first start leaves it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    open_box(folder)
    return folder


async def test_what_is_wrong_is_found_without_sending_anything(data: Path, tmp_path: Path) -> None:
    """Key files, addresses, names and prices are looked at; the cloud itself hears nothing of it."""
    key = tmp_path / "far.key"
    key.write_text("sk-1", encoding="utf-8")
    key.chmod(0o644)
    async with FakeCloud() as cloud:
        section = SECTION.format(url=cloud.base_url, port=cloud.port, key=key)
        (data / "appliance.toml").write_text(section, encoding="utf-8")

        found = await asyncio.to_thread(examine, look_at(data), ("clouds", "engines"))

        assert cloud.requests == []
    said = {(one.id, one.values.get("name", "")) for one in found}
    assert said == {
        ("engines.none", ""),
        ("clouds.key_open", ""),
        ("clouds.misnamed", "far"),
        ("clouds.unpriced", "far"),
        ("clouds.ok", "far"),
        ("clouds.no_way", "lost"),
        ("clouds.unpriced", "lost"),
        ("clouds.ok", "lost"),
        ("clouds.never", ""),
        ("clouds.at_par", ""),
    }
    assert not any("sk-1" in one.sentence + one.command for one in found)
