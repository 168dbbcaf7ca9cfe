"""Administration: an empty column for <administration-desk>, which is there for administrators alone.

The page shows the tab to them only; everybody else is refused by the API, whatever the page shows.
"""

from __future__ import annotations

import gradio as gr

from ui.client import ApiClient


def draw(_api: ApiClient, _i18n: gr.I18n, _tab: gr.Tab) -> None:
    """Never hidden by Gradio: that would remove what stands in it."""
    with gr.Column(elem_id="slot-admin"):
        pass
