"""Headers, query parameters and texts that authenticate: a cassette never contains them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from orharness.cassette.interaction import Headers, Interaction
from orharness.redaction import PLACEHOLDER, hide, is_kept_header, is_secret, is_secret_parameter, redacted, spans_in
from orharness.redaction.credentials import secrets_of
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


def hidden(interaction: Interaction, *, keep_headers: Iterable[str] = (), personal: bool = False) -> Interaction:
    """Return the interaction without whatever the recorder leaves out, for one that another tool recorded.

    The values of headers that are neither on the allow-list nor in ``keep_headers`` are a placeholder. ``personal``:
    e-mail addresses, IP addresses and telephone numbers are left out too. Chunk boundaries move with the text.
    """
    request, names = interaction.request, {name.lower() for name in keep_headers}
    unkept = (value for name, value in request.headers if not _keeps(name, names))
    secrets = secrets_of(request.headers, (*_address_secrets(request.uri), *unkept))

    def clean(headers: Headers) -> Headers:
        return tuple(
            (name, hide(value, secrets, personal=personal))
            if _keeps(name, names)
            else (hide(name, secrets, personal=personal), PLACEHOLDER)
            for name, value in scrub(headers)
        )

    spans = spans_in(interaction.stream.body, secrets, personal=personal)
    return replace(
        interaction,
        request=replace(
            request,
            uri=hide(scrub_uri(request.uri), secrets, personal=personal),
            headers=clean(request.headers),
            body=redacted(request.body, secrets, personal=personal),
        ),
        reason=hide(interaction.reason, secrets, personal=personal),
        note=interaction.note and hide(interaction.note, secrets, personal=personal),
        headers=clean(interaction.headers),
        stream=edit(interaction.stream, [Edit(span.start, span.end, span.text) for span in spans]),
    )


def _keeps(name: str, names: set[str]) -> bool:
    return is_kept_header(name) or name.lower() in names


def _address_secrets(uri: str) -> list[str]:
    parts = urlsplit(uri)
    pieces = [piece for piece in parts.query.split("&") if _is_secret_parameter(piece)]
    return [*(unquote_plus(piece.partition("=")[2]) for piece in pieces), unquote_plus(parts.password or "")]


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
