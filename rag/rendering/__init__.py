"""Pictures of a document's pages with passages marked, made in a confined child as parsing is.

A new format is one file and one line here: a class that takes the limits, with `render(path, order)` → PNG.
"""

RENDERERS = {
    "application/pdf": "rag.rendering.pdf:PdfRenderer",
    "image/png": "rag.rendering.picture:PictureRenderer",
    "image/jpeg": "rag.rendering.picture:PictureRenderer",
    "image/tiff": "rag.rendering.picture:PictureRenderer",
    "image/webp": "rag.rendering.picture:PictureRenderer",
}
HEAD_BYTES = 1024
_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")


def is_drawable(head: bytes) -> bool:
    """Whether a file that begins so may have pictures of its pages: a guess that opens nothing; drawing finds out."""
    return b"%PDF-" in head or head.startswith(_BEGINNINGS) or head[8:12] == b"WEBP"
