"""Markdown of an answer, as HTML that is safe to show.

Raw HTML in the answer is text, pictures are links (a picture would tell another host who reads what), and
whatever is left passes an allow-list. While an answer grows, only its unfinished last block is rendered again.
Knows nothing of turns, people or documents; a citation is a number in square brackets.
"""

from appliance.markup.growing import GrowingMarkup, RenderedBlock, render, render_blocks
from appliance.markup.spans import Span, SpanKind

__all__ = ["GrowingMarkup", "RenderedBlock", "Span", "SpanKind", "render", "render_blocks"]
