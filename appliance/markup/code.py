"""Code in colours: each word gets the class that Pygments has for what it is. No styles, no scripts."""

from __future__ import annotations

from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# 2 kB take about 7 ms: longer code is shown without colours, and so are lines that no person wrote.
_MOST_CHARACTERS = 20_000
_LONGEST_LINE = 1000
# Those that people meet; a lexer is a set of regular expressions that runs over text that nobody has checked.
_LANGUAGES = frozenset(
    ["bash", "sh", "shell", "zsh", "console", "powershell", "ps1", "bat", "c", "h", "cpp", "c++", "cs", "csharp", "css",
     "dart", "diff", "docker", "dockerfile", "elixir", "go", "golang", "graphql", "haskell", "hcl", "terraform", "html",
     "http", "ini", "java", "javascript", "js", "jsx", "json", "julia", "kotlin", "latex", "tex", "lua", "make",
     "makefile", "markdown", "md", "matlab", "nginx", "objective-c", "perl", "php", "postgres", "postgresql", "proto",
     "python", "py", "python3", "r", "ruby", "rb", "rust", "rs", "scala", "scss", "sql", "swift", "toml", "ts", "tsx",
     "typescript", "vb", "vb.net", "xml", "yaml", "yml"]
)  # fmt: skip


def coloured(code: str, language: str) -> str:
    """The code as HTML; without colours where the language is unknown or there is too much of it."""
    if (
        language.lower() not in _LANGUAGES
        or len(code) > _MOST_CHARACTERS
        or any(len(line) > _LONGEST_LINE for line in code.split("\n"))
    ):
        return escape(code)
    try:
        lexer = get_lexer_by_name(language.lower(), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code)
    html: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return html
