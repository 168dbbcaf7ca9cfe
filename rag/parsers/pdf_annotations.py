"""What was filled into a PDF's forms and written onto its pages; a page's own text holds neither."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag.parsers.page_writer import Piece
from rag.parsers.pdf_frame import Box, PageFrame

_MAX_ANNOTATIONS = 2_000  # of a page
_MAX_CHARS = 100_000  # of one value
_PASSWORD = 1 << 13  # field flag, ISO 32000-1, table 228
_WRITTEN = frozenset(
    {
        raw.FPDF_ANNOT_TEXT,
        raw.FPDF_ANNOT_FREETEXT,
        raw.FPDF_ANNOT_HIGHLIGHT,
        raw.FPDF_ANNOT_UNDERLINE,
        raw.FPDF_ANNOT_STRIKEOUT,
        raw.FPDF_ANNOT_SQUIGGLY,
        raw.FPDF_ANNOT_STAMP,
        raw.FPDF_ANNOT_CARET,
        raw.FPDF_ANNOT_SQUARE,
        raw.FPDF_ANNOT_CIRCLE,
        raw.FPDF_ANNOT_LINE,
        raw.FPDF_ANNOT_POLYGON,
        raw.FPDF_ANNOT_INK,
    }
)
_VALUES = frozenset({raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX})
_BOXES = frozenset({raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON})


@dataclass(frozen=True, slots=True)
class Additions:
    """fields: a line each, "name: value". comments: with their author where one is named."""

    fields: tuple[Piece, ...] = ()
    comments: tuple[Piece, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fields or self.comments)


NOTHING = Additions()


def read_additions(document: pdfium.PdfDocument, page: pdfium.PdfPage, frame: PageFrame) -> Additions:
    """Of a page of a document whose forms were initialised, if it has any."""
    count = min(raw.FPDFPage_GetAnnotCount(page.raw), _MAX_ANNOTATIONS)
    if count <= 0:
        return NOTHING
    forms = document.formenv.raw if document.formenv else None
    fields: list[Piece] = []
    comments: list[Piece] = []
    for annotation in _annotations(page, count):
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if kind == raw.FPDF_ANNOT_WIDGET:
            if forms and (text := _field(forms, annotation)):
                fields.append(Piece(text, "\n", "", _box(annotation, frame)))
        elif kind in _WRITTEN and (text := _string(annotation, b"Contents").strip()):
            author = _string(annotation, b"T").strip()
            text = f"{author}: {text}" if author else text
            comments.append(Piece(text, "\n", "", _box(annotation, frame)))
    return Additions(tuple(fields), tuple(comments))


def _annotations(page: pdfium.PdfPage, count: int) -> Iterator[raw.FPDF_ANNOTATION]:
    for index in range(count):
        annotation = raw.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            yield annotation
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _field(forms: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str:
    """ "name: value", or nothing for what is empty, secret, or a button."""
    kind = raw.FPDFAnnot_GetFormFieldType(forms, annotation)
    if kind in _VALUES and not raw.FPDFAnnot_GetFormFieldFlags(forms, annotation) & _PASSWORD:
        value = _form_string(raw.FPDFAnnot_GetFormFieldValue, forms, annotation)
    elif kind in _BOXES and raw.FPDFAnnot_IsChecked(forms, annotation):
        value = "☒"
        if kind == raw.FPDF_FORMFIELD_RADIOBUTTON:
            value += f" {_form_string(raw.FPDFAnnot_GetFormFieldExportValue, forms, annotation)}"
    else:
        return ""
    if not value.strip():
        return ""
    name = _form_string(raw.FPDFAnnot_GetFormFieldAlternateName, forms, annotation)
    name = name.strip() or _form_string(raw.FPDFAnnot_GetFormFieldName, forms, annotation)
    return f"{name}: {value.strip()}" if name else value.strip()


def _form_string(ask: Callable[..., int], forms: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str:
    return _utf16(lambda buffer, size: ask(forms, annotation, buffer, size))


def _string(annotation: raw.FPDF_ANNOTATION, key: bytes) -> str:
    return _utf16(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _utf16(ask: Callable[[object, int], int]) -> str:
    """pdfium tells the bytes of a string first, then writes it, with two zero bytes at its end."""
    size = ask(None, 0)
    if not 2 < size <= 2 * _MAX_CHARS:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    ask(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")


def _box(annotation: raw.FPDF_ANNOTATION, frame: PageFrame) -> Box | None:
    found = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(annotation, found):
        return None
    left, right = sorted((found.left, found.right))
    bottom, top = sorted((found.bottom, found.top))
    return frame.shares(frame.shown(left, bottom, right, top))
