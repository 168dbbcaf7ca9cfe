"""Knobs of parsing, cutting and finding."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.limits import ParsingLimits


class ParsingSettings(BaseModel):
    """Limits within which a document is read, in a child process of its own."""

    model_config = ConfigDict(extra="forbid")

    timeout_s: float = Field(120.0, gt=0, description="Longest time one document may take to read.")
    cpu_s: int = Field(100, ge=1, description="Processor seconds one document may take.")
    memory_bytes: int = Field(
        2**30, ge=64 * 2**20, description="Memory one document may take, beside what the reader itself takes."
    )
    concurrent: int = Field(2, ge=1, le=64, description="Documents read at the same time.")
    max_output_bytes: int = Field(64 * 2**20, ge=2**20, description="Largest text with its layout, as read.")
    max_pages: int = Field(5_000, ge=1, description="Pages one document may have.")
    max_text_chars: int = Field(20_000_000, ge=1, description="Characters one document may have.")
    max_rows: int = Field(
        200_000, ge=1, description="Rows all sheets of one workbook, or a CSV file, may have."
    )
    max_cells: int = Field(2_000_000, ge=1, description="Cells with a value that one sheet may have.")
    max_members: int = Field(10_000, ge=1, description="Files inside of one packed document.")
    max_inflated_bytes: int = Field(
        256 * 2**20, ge=2**20, description="What the files inside of one packed document may add up to."
    )
    max_inflation: int = Field(
        100, ge=2, description="How many times larger a packed file may become when it is unpacked."
    )

    max_children: int = Field(2_000, ge=1, le=10_000, description="Files inside of one ZIP archive or mail.")
    max_nesting: int = Field(
        3, ge=1, le=10, description="How deep archives may lie within archives, the outermost counted."
    )

    ocr_program: str = Field(
        "tesseract",
        description="Program that reads scans, by name or path; without it they are refused by name. Empty: none.",
    )
    ocr_languages: list[str] = Field(
        ["eng", "spa"],
        min_length=1,
        description="Languages of scans, as tesseract names them; those that are not installed are left out.",
    )
    ocr_dpi: int = Field(
        200, ge=70, le=600, description="How finely a page is drawn before its text is recognised."
    )
    ocr_min_confidence: float = Field(
        20.0, ge=0, le=100, description="Words recognised with less confidence are left out."
    )
    ocr_page_timeout_s: float = Field(
        60.0, gt=0, description="Longest time recognising one page may take, on top of timeout_s."
    )
    ocr_timeout_s: float = Field(
        1800.0,
        gt=0,
        description="Longest time recognising all pages of a document may take, on top of timeout_s.",
    )
    ocr_max_pages: int = Field(500, ge=1, description="Pages of one document that are recognised at most.")

    def limits(self) -> ParsingLimits:
        """The part that travels to the parsers."""
        return ParsingLimits(
            max_pages=self.max_pages,
            max_text_chars=self.max_text_chars,
            max_rows=self.max_rows,
            max_cells=self.max_cells,
            max_members=self.max_members,
            max_inflated_bytes=self.max_inflated_bytes,
            max_inflation=self.max_inflation,
            max_children=self.max_children,
            # What comes out of the reading process is text and children together.
            max_children_bytes=self.max_output_bytes * 15 // 16,
            max_nesting=self.max_nesting,
        )


class ChunkingSettings(BaseModel):
    """How documents are cut into passages."""

    model_config = ConfigDict(extra="forbid")

    max_tokens: int = Field(
        240, ge=32, description="Longest passage, heading path included, in the embedder's tokens."
    )
    target_tokens: int = Field(
        160, ge=8, description="Neighbouring paragraphs are joined up to here; a longer one stands alone."
    )
    tiny_tokens: int = Field(
        24, ge=0, description="A paragraph this short joins a neighbour up to max_tokens."
    )
    heading_tokens: int = Field(
        48, ge=4, description="Room for the heading path within max_tokens; outer headings go first."
    )


class RetrievalSettings(BaseModel):
    """How passages are found."""

    model_config = ConfigDict(extra="forbid")

    languages: list[Literal["en", "es", "fr", "de", "pt", "it"]] = Field(
        ["en", "es"],
        min_length=1,
        description="Languages of documents and questions; the fewer, the surer they are told apart.",
    )
    store: Literal["pgvector", "faiss"] = Field(
        "pgvector",
        description="Finds passages by meaning; `faiss` keeps the vectors in each gateway's memory too.",
    )
    cache_mib: int = Field(
        1024, ge=16, description="Memory each gateway process may use for vectors where `store` is `faiss`."
    )
    candidates: int = Field(100, ge=10, le=1000, description="Passages taken from each list before fusing.")
    exact_below: int = Field(
        20_000,
        ge=0,
        description="Passages up to which every vector is compared; above it, a graph is walked.",
    )
    ef_search: int = Field(
        200,
        ge=100,
        le=1000,
        description="How widely the graph is searched; lower finds less under access rules.",
    )
    reranker: str = Field(
        "",
        description="Cross-encoder that orders the best passages once more: a model of `appliance model list`, or its "
        "folder; empty: none.",
    )
    reranker_kind: Literal["onnx", "sentence_transformers"] = Field(
        "onnx",
        description="`onnx` needs nothing more; `sentence_transformers` needs the extra `local-models`.",
    )
    reranker_candidates: int = Field(20, ge=1, le=100, description="Passages that the reranker reads.")
    reranker_budget_s: float = Field(
        1.0, gt=0, le=30, description="Time the reranker may take; after it the order stays as it was."
    )
    reranker_least: float = Field(
        0.3, ge=0, le=1, description="The reranker's score from which a passage is answered from."
    )
