"""Headers, query parameters and texts that authenticate: a cassette never contains them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from orharness.cassette.interaction import Headers, Interaction
from orharness.redaction import is_secret, is_secret_parameter
from orharness.stream import Edit, edit


def scrub(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers without those that authenticate."""
    return tuple((name, value) for name, value in headers if not is_secret(name))


def scrub_uri(uri: str) -> str:
    """Return the address without user, password, and query parameters such as ``key=`` and ``X-Amz-Signature=``.

    An address without any of them is returned unchanged, byte for byte.
    """
    parts = urlsplit(uri)
    query = "&".join(piece for piece in parts.query.split("&") if not _is_secret_parameter(piece))
    clean = parts._replace(query=query, netloc=parts.netloc.rpartition("@")[2])
    return uri if clean == parts else urlunsplit(clean)


def _is_secret_parameter(piece: str) -> bool:
    return is_secret_parameter(unquote_plus(piece.partition("=")[0]))


def redact(interaction: Interaction, secrets: Iterable[str], placeholder: str = "REDACTED") -> Interaction:
    """Return the interaction with each secret replaced wherever it occurs: address, headers, both bodies.

    Chunk boundaries move with the text, so that the sizes still add up.
    """
    for secret in filter(None, secrets):
        interaction = _without(interaction, secret, placeholder)
    return interaction


def _without(interaction: Interaction, secret: str, placeholder: str) -> Interaction:
    old, new = secret.encode(), placeholder.encode()
    found = [match.start() for match in re.finditer(re.escape(old), interaction.stream.body)]
    request = interaction.request
    return replace(
        interaction,
        request=replace(
            request,
            uri=request.uri.replace(secret, placeholder),
            headers=tuple((name, value.replace(secret, placeholder)) for name, value in request.headers),
            body=request.body.replace(old, new),
        ),
        headers=tuple((name, value.replace(secret, placeholder)) for name, value in interaction.headers),
        stream=edit(interaction.stream, [Edit(start, start + len(old), new) for start in found]),
    )
