"""Everything `rag` can refuse. Each reason stands on the document it concerns, in the words of the docstring.

RagError
├── DocumentRefused            the file is not read, for a reason its owner can do something about
│   ├── UnsupportedFormat      no parser for what the file really is
│   ├── DocumentEmpty          there is no text in it
│   │   └── RecordingSilent    nobody speaks in it
│   ├── RecordingRefused       a recording that cannot be heard
│   ├── DocumentDamaged        it cannot be opened
│   ├── DocumentEncrypted      it needs a password
│   ├── DocumentTooLarge       more pages, text or inflated bytes than the limits allow
│   ├── DocumentDangerous      it is built to harm whoever opens it
│   └── ParsingTimedOut        it took longer than the limit
└── IndexUnavailable           the index cannot be searched
"""

from __future__ import annotations


class RagError(Exception):
    """The documents could not be used."""

    code = "rag_error"

    def __init__(self, detail: str = "") -> None:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {detail}".strip())
        self.detail = detail


class DocumentRefused(RagError):
    """The document was not read."""

    code = "document_refused"


class UnsupportedFormat(DocumentRefused):
    """This kind of file cannot be read here. Convert it to PDF, DOCX, HTML, Markdown or plain text."""

    code = "unsupported_format"


class DocumentEmpty(DocumentRefused):
    """There is no text in this document. If it is a scan, run text recognition on it first."""

    code = "document_empty"


class RecordingSilent(DocumentEmpty):
    """Nobody speaks in this recording, so there is nothing to find in it."""

    code = "recording_silent"


class RecordingRefused(DocumentRefused):
    """This recording cannot be heard here. Save it as MP3, M4A or WAV with another program and upload that."""

    code = "recording_refused"


class DocumentDamaged(DocumentRefused):
    """The file is damaged and cannot be opened. Export it again from the program that made it."""

    code = "document_damaged"


class DocumentEncrypted(DocumentRefused):
    """The file is protected by a password. Save it without one and upload it again."""

    code = "document_encrypted"


class DocumentTooLarge(DocumentRefused):
    """The document is larger than the limits of this appliance. Split it, or ask an administrator."""

    code = "document_too_large"


class DocumentDangerous(DocumentRefused):
    """The file is built in a way that can harm the computer that opens it, so it was not opened."""

    code = "document_dangerous"


class ParsingTimedOut(DocumentRefused):
    """Reading the file took too long and was stopped. Split it or simplify it."""

    code = "parsing_timed_out"


class IndexUnavailable(RagError):
    """The index of the documents cannot be searched just now."""

    code = "index_unavailable"
