"""The page's tabs, in order. A new tab is a new file and a line here: a function that draws it into the open Blocks."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from ui.client import ApiClient
from ui.tabs import admin, chat, connected, documents, me

TABS: dict[str, Callable[[ApiClient, gr.I18n, gr.Tab], None]] = {
    "tab_ask": chat.draw,
    "tab_documents": documents.draw,
    "tab_me": me.draw,
    "tab_connected": connected.draw,
    "tab_admin": admin.draw,
}
