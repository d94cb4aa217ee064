"""The credentials in the headers of a request."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from contextlib import suppress

from orharness.redaction.names import is_secret

LENGTH = 16  # characters: a shorter key ("test") is not a secret, and would be found in any text
_BETWEEN_CREDENTIALS = re.compile(r"[\s,;]+")


def secrets_of(headers: Iterable[tuple[str, str]], others: Iterable[str] = ()) -> tuple[str, ...]:
    """What must not be written even where the server repeats it: credentials in the headers, and the others.

    Texts that are too short to be a secret are left out.
    """
    sent = [secret for name, value in headers if is_secret(name) for secret in _credentials(value)]
    return tuple(dict.fromkeys(secret for secret in (*sent, *others) if len(secret) >= LENGTH))


def _credentials(value: str) -> Iterable[str]:
    """The texts of a header's value of which one may be the key, alone or as ``name=key``; also those of Basic."""
    pieces = [piece.strip("\"'") for piece in _BETWEEN_CREDENTIALS.split(value)]
    scheme = pieces[0].lower()
    for piece in pieces:
        yield piece
        name, _, named = piece.partition("=")
        if name.lower() != "uri":  # of Digest: the path, which is to be kept
            yield named.strip("\"'")
        if scheme == "basic":
            with suppress(ValueError):
                yield from base64.b64decode(piece, validate=True).decode().split(":", 1)
