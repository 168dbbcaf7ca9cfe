"""What a page tells the browser of its scripts before it has read one."""

from __future__ import annotations

from pathlib import Path

from appliance.api.page_assets import read_page_assets


def test_scripts_are_named_in_advance_as_far_as_they_are_needed_at_once(tmp_path: Path) -> None:
    """Imports of imports are told, round trips spared; what is loaded when it is opened is not loaded before."""
    for name, text in {
        "shell/page.js": 'import {\n  a,\n} from "../chat/chat.js";\nimport "./dom.js";\nimport("./later.js");\n',
        "chat/chat.js": 'import {h} from "../shell/dom.js";\nimport "../shell/page.js";\nexport const a = h;\n',
        "shell/dom.js": "export const h = 1;\n",
        "shell/later.js": 'import "./dom.js";\n',
        "texts.en.json": "{}",
        "texts.es.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    assets = read_page_assets(tmp_path)

    assert list(assets.needs["shell/page.js"]) == ["chat/chat.js", "shell/dom.js"]
    assert list(assets.needs["shell/dom.js"]) == []
