"""The page's own server: Gradio's Blocks, mounted with our theme, both languages, and nothing that phones home.

It is a client of the public HTTP API and knows nothing of the appliance's insides. The gateway stands in front of it.
Under the page's content policy (no `unsafe-eval`) there is no gr.HTML, no `js=` on events and no plot of Gradio's.
"""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from ui.client import ApiClient
from ui.tabs import TABS
from ui.texts import LANGUAGES, text

_LOOK_EVERY_S = 0.02  # what a click may wait for


def create_app(api: ApiClient) -> FastAPI:
    """An ASGI application that serves the page at `/`."""
    # Only what Gradio itself draws: the rest of the sentences reaches the browser by the gateway.
    drawn = (*TABS, "refresh")
    i18n = gr.I18n(**{language: {key: text(key, language) for key in drawn} for language in LANGUAGES})
    page = build(api, i18n)
    app = FastAPI(openapi_url=None)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme(),
        i18n=i18n,
        ssr_mode=False,
        footer_links=[],
        run_history=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,
    )
    return app


def build(api: ApiClient, i18n: gr.I18n) -> gr.Blocks:
    """The tabs. No person's data may stand in the definition: it is the same for everybody."""
    with (
        gr.Blocks(title=text("product", "en"), fill_width=True, analytics_enabled=False) as page,
        gr.Tabs(),
    ):
        for key, draw in TABS.items():
            with gr.Tab(i18n(key), id=key, elem_id=key.replace("_", "-"), render_children=True) as tab:
                draw(api, i18n, tab)
    _look_less_often(page)
    return page


def _look_less_often(page: gr.Blocks) -> None:
    """Gradio's queue looks for events a thousand times a second: 4 % of a core on an idle box, and 1 % at this pace."""
    queue = page._queue
    queue.sleep_when_free = max(_LOOK_EVERY_S, queue.sleep_when_free)
    queue.progress_update_sleep_when_free = max(_LOOK_EVERY_S, queue.progress_update_sleep_when_free)


def theme() -> gr.themes.Base:
    """System fonts only; the colours come from the page's own style sheet."""
    return gr.themes.Base(
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
    )
