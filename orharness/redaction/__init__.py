"""What is secret, and where it is in a text or a body.

The one list of names, the one list of shapes and the one search, for whatever is written down or shown. The modules:
``names`` (of headers, query parameters and JSON fields), ``credentials`` (of a request's headers), ``shape`` (what a
shape is), ``prefixes``, ``fields``, ``pairs``, ``assignments``, ``commands``, ``personal`` (the families of shapes),
``shapes`` (all of them), ``escapes`` (a text without its escapes), ``utf16`` (the text of a body in UTF-16),
``lexer`` (the strings of JSON documents), ``finder`` (the search in a body that is cut anywhere).
"""

from __future__ import annotations

from orharness.redaction.escapes import Span as Span
from orharness.redaction.finder import SecretFinder as SecretFinder
from orharness.redaction.finder import cut as cut
from orharness.redaction.finder import hide as hide
from orharness.redaction.finder import redacted as redacted
from orharness.redaction.finder import spans_in as spans_in
from orharness.redaction.names import is_kept_header as is_kept_header
from orharness.redaction.names import is_secret as is_secret
from orharness.redaction.names import is_secret_parameter as is_secret_parameter
from orharness.redaction.shape import PLACEHOLDER as PLACEHOLDER

__all__ = [
    "PLACEHOLDER",
    "SecretFinder",
    "Span",
    "cut",
    "hide",
    "is_kept_header",
    "is_secret",
    "is_secret_parameter",
    "redacted",
    "spans_in",
]
