"""Documents: an empty column for <document-shelf>, which uploads straight to the public API with progress.

Gradio's own upload routes are closed: what they store is readable by whoever knows a path.
"""

from __future__ import annotations

import gradio as gr

from ui.client import ApiClient


def draw(_api: ApiClient, _i18n: gr.I18n, _tab: gr.Tab) -> None:
    """Never hidden by Gradio: that would remove what stands in it."""
    with gr.Column(elem_id="slot-documents"):
        pass
