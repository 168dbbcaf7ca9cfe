"""Pictures of a document's pages with passages marked, made in a confined child as parsing is.

A new format is one file and one line here: a class that takes the limits, with `render(path, order)` → PNG.
"""

RENDERERS = {
    "application/pdf": "rag.rendering.pdf:PdfRenderer",
}
