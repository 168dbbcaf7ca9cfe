"""How a command says that it could not do what was asked."""

from __future__ import annotations

EXIT_REFUSED = 1
EXIT_UNREACHABLE = 3


class CommandFailed(Exception):
    """A command ends with a sentence for people, which names the remedy, and an exit code."""

    def __init__(self, sentence: str, exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
