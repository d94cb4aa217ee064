"""A self-contained HTML page: one style sheet, no script, and a policy that allows no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files


def page(title: str, parts: Iterable[str], *, sheets: Iterable[str] = ("report.css",)) -> Iterator[str]:
    """Yield the page. ``parts`` are HTML, ``title`` is plain text; ``sheets`` are files beside this module."""
    css = "".join((files("orharness.report") / name).read_text("utf-8") for name in sheets)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_policy(css)}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escape(title)}</title>\n<style>{css}</style>\n</head>\n<body>\n<main>\n"
    yield from parts
    yield "</main>\n</body>\n</html>\n"


def _policy(css: str) -> str:
    """The content security policy: our own styles, and no script and no network, whatever was sent or recorded."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
