"""The page to look at: live, on a server, or saved with all that it shows in one file.

Its source is ES modules, a style sheet and a page beside this module. There is no build step: the modules have no
dependency, and they are joined here, in the order in which they need each other, so that a page is one file that loads
nothing. A library was not needed: a lane is drawn on a canvas, and all else is some hundred elements.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

MODULES = ("text", "api", "lane", "draw", "view", "detail", "main")
_IMPORT = re.compile(r"^import [^;]*;\n", re.M)
_EXPORT = re.compile(r"^export ", re.M)
_DATA = '<script type="application/json" id="data">'


def live_page() -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the page that a server answers with, and the headers that go with it."""
    policy = _policy("'self'") + "; frame-ancestors 'none'"
    return _filled("orharness", ""), (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("Cache-Control", "no-cache"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    )


def saved_page(document: Mapping[str, Any]) -> str:
    """Return a page that shows the document and loads nothing. What a client sent is escaped, and runs nothing."""
    text = json.dumps(document, separators=(",", ":"))
    held = re.sub("[<>&]", lambda sign: f"\\u{ord(sign.group()):04x}", text)
    policy = escape(_policy("'none'"), quote=True)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    return _filled(str(document["title"]), f"{_DATA}{held}</script>\n", meta)


def document_in(page: str) -> dict[str, Any]:
    """Return the document of a saved page."""
    held = page.partition(_DATA)[2].partition("</script>")[0]
    document: dict[str, Any] = json.loads(held)
    return document


def _filled(title: str, data: str, meta: str = "") -> str:
    parts = {"META": meta, "TITLE": escape(title), "STYLE": _text("page.css"), "DATA": data, "SCRIPT": script()}
    return re.sub(r"%%(\w+)%%", lambda found: parts[found.group(1)], _text("page.html"))


@cache
def script() -> str:
    """Return the modules as one."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _text(f"{name}.mjs"))) for name in MODULES)


def _policy(connect: str) -> str:
    """The content security policy: our script and our styles, and no network but (live) the server of the page."""
    return (
        f"default-src 'none'; script-src {_digest(script())}; style-src {_digest(_text('page.css'))};"
        f" connect-src {connect}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _text(name: str) -> str:
    return (files("orharness.report.page") / name).read_text("utf-8")
