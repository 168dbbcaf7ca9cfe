"""What a page tells the browser of its scripts before it has read one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from appliance.api.page_assets import read_page_assets
from appliance.api.page_shell import View, waiting_page

PAGE = Path(__file__).resolve().parents[2] / "ui" / "page"


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


def test_the_page_is_drawn_in_the_chosen_colours_from_the_first_paint() -> None:
    """The theme is set by a script of ours that stands before every style; the fonts are asked for with the page."""
    assets = read_page_assets(PAGE)
    page = waiting_page(assets, View("es", "n0nce"))

    head = page[: page.index("</head>")]
    assert head.index("dataset.theme") < head.index('rel="stylesheet"')
    assert head.count("<script") == head.count('nonce="n0nce"') + head.count("application/json")
    assert '<meta name="color-scheme" content="light dark">' in head
    for name in ("inter", "source_serif"):
        address = assets.address(f"fonts/{name}.woff2")
        assert f'<link rel="preload" as="font" type="font/woff2" href="{address}" crossorigin>' in head
        assert assets.files[f"fonts/{name}.woff2"].compressed is None


def test_formulas_are_loaded_with_the_first_of_them() -> None:
    """A tenth of a second that no start of a gateway pays."""
    script = (
        "import sys; from appliance.markup import render_blocks; render_blocks('**plain**');"
        "before = 'latex2mathml' in sys.modules; html = render_blocks('$x^2$')[0];"
        "print(before, '<math' in html)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )

    assert said.stdout.split() == ["False", "True"]
