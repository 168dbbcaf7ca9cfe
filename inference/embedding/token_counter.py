"""Counts tokens as the embedding model does, in the caller's process: cutting a document asks thousands of times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_PIECE_CHARACTERS = 8_000


class TokenCounter:
    """models: where built models are kept. file: another model's tokenizer. Read at the first text. Thread-safe."""

    def __init__(self, models: Path, file: Path | None = None) -> None:
        self._models, self._file = models, file
        self._tokenizer: Tokenizer | None = None

    def __call__(self, text: str) -> int:
        """Tokens without the two marks. A word at the border of two 8,000-character pieces may count twice."""
        tokenizer = self._tokenizer or self._load()
        return sum(
            len(tokenizer.encode(text[start : start + _PIECE_CHARACTERS], add_special_tokens=False))
            for start in range(0, len(text), _PIECE_CHARACTERS)
        )

    def _load(self) -> Tokenizer:
        from tokenizers import Tokenizer

        from inference.embedding.build_minilm import ensure

        tokenizer = Tokenizer.from_file(str(self._file or ensure(self._models) / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        return tokenizer
