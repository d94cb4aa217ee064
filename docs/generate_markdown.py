"""The Markdown of the generated pages, as Python-Markdown reads it, which makes the site of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

Cells = Iterable[str]
_CODE_SPAN = re.compile(r"(`+).+?(?<!`)\1(?!`)", re.S)


def page(parts: Iterable[str]) -> str:
    """Return a page of its blocks; empty ones are left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Cells, rows: Iterable[Cells]) -> str:
    """Return a table. Its cells are Markdown: ``code``, ``in_line``, links."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    """Return a text as code. In a table, too, Python-Markdown reads a ``|`` in code as itself."""
    return f"`` {text} ``" if "`" in str(text) else f"`{text}`"


def written(value: Any) -> str:
    """Return a value as code, as a user writes it: of what has a name, the name that is accepted in its place."""
    return code(repr(value.value if isinstance(value, Enum) else getattr(value, "name", value)))


def fence(text: str) -> str:
    """Return a block of Python code."""
    return f"```python\n{text}\n```"


def prose(text: str) -> str:
    """Return a plain text, in which only code has a mark, as Markdown that shows exactly this text.

    Markdown has no backslash for ``<`` and ``&``: what would be HTML is written as an entity.
    """
    return "".join(
        piece if _CODE_SPAN.fullmatch(piece) else re.sub(r"([*_|\[\]])", r"\\\1", _as_entities(piece))
        for piece in _pieces(text)
    )


def in_line(text: str) -> str:
    """Return what ``prose`` returns, in one line: for a cell of a table."""
    return " ".join(prose(text).split())


def docstring(text: str | None) -> str:
    """Return a docstring as Markdown."""
    return prose(inspect.cleandoc(text or ""))


def first_paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring as Markdown."""
    return docstring(text).partition("\n\n")[0]


def _as_entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _pieces(text: str) -> Iterator[str]:
    """The spans of code and what is between them."""
    at = 0
    for found in _CODE_SPAN.finditer(text):
        yield text[at : found.start()]
        yield found[0]
        at = found.end()
    yield text[at:]
