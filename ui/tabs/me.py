"""Me: an empty column for <my-settings>: profile, keys, usage, and where one is signed in."""

from __future__ import annotations

import gradio as gr

from ui.client import ApiClient


def draw(_api: ApiClient, _i18n: gr.I18n, _tab: gr.Tab) -> None:
    """Never hidden by Gradio: that would remove what stands in it."""
    with gr.Column(elem_id="slot-me"):
        pass
