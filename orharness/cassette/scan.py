"""A search for what looks like a secret in cassettes, spools and HAR files, whoever wrote them.

What a file of these forms says is searched decoded, place by place; then the text of any file is searched as it is, so
that nothing is left out which no form knows: comments, further keys, what a repeated key hides.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from orharness.cassette.keys import KEY
from orharness.cassette.placeholders import is_placeholder
from orharness.cassette.serializer import Serializer
from orharness.codings import ContentDecoder
from orharness.errors import CassetteError
from orharness.redaction import SecretFinder, is_secret, is_secret_parameter
from orharness.redaction.escapes import Unescaped

SUFFIXES = (".yaml", ".yml", ".json", ".har", ".recording")
_LAYOUT = re.compile(r"[\s\\\"']+")
_ANY_BYTE = frozenset(range(256))
_SHORT = 8  # characters: anything shorter is not a credential


@dataclass(frozen=True)
class SuspectText:
    """What looks like a secret. ``where``: the key, the header or the byte; ``text`` is the secret itself."""

    path: Path
    where: str
    kind: str
    text: str

    @property
    def shown(self) -> str:
        """The beginning of the secret and its length, in characters."""
        return f"{self.text[: min(4, len(self.text) // 4)]}… ({len(self.text)} characters)"


@dataclass(frozen=True)
class _Message:
    """A request or a response of a file. ``where``: its key in the file."""

    where: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    uri: str = ""
    texts: tuple[tuple[str, str], ...] = ()  # further texts, each with its name


def files_in(path: Path) -> list[Path]:
    """The files to be searched: the path itself, or those below a folder that may be recordings.

    Raises ``CassetteError`` if there is no such path.
    """
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.is_file() and _may_be_recording(one.relative_to(path)))
    if not path.exists():
        raise CassetteError(f"{path}: there is no such file or folder")
    return [path]


def _may_be_recording(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and (path.suffix.lower() in SUFFIXES or ".recording.unsaved" in path.name)


def scan(path: Path, *, personal: bool = False) -> list[SuspectText]:
    """What looks like a secret in a file. ``personal``: e-mail and IP addresses and telephone numbers count too.

    Raises ``CassetteError`` if the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CassetteError(f"{path}: the file cannot be read: {error.strerror}") from error
    messages = _messages(data)
    if messages is None:
        found = list(_in_message(_Message("", body=_as_utf8(data)), personal))
    else:
        found = [one for message in messages for one in _in_message(message, personal)]
        found += _not_told(found, _in_body("text", _as_utf8(data), personal, offsets=True), personal)
    return [SuspectText(path, *one) for one in found]


Found = tuple[str, str, str]  # where, kind, text


def _as_utf8(data: bytes) -> bytes:
    """The text of a file; a form of UTF-16 by its mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode()
    return data


def _not_told(told: list[Found], in_the_text: Iterable[Found], personal: bool) -> Iterator[Found]:
    """What was found in the text of a file alone. Its form may escape, fold or encode what was found decoded."""
    known = {form for *_, text in told for form in _forms(text, personal)}
    for where, kind, text in in_the_text:
        forms = _forms(text, personal)
        if not any(one in other or other in one for one in forms for other in known):
            known.update(forms)
            yield where, kind, text


def _forms(text: str, personal: bool) -> list[str]:
    """A text as it is compared: bare, and the secrets that it holds in base64."""
    return [_plain(text), *(_plain(one) for one in _encoded_in(text, personal))]


def _plain(text: str) -> str:
    """A text without its escapes, quotes and white space."""
    return _LAYOUT.sub(
        "", Unescaped.unescaped(text.encode("utf-8", "replace"), 0, _ANY_BYTE).plain.decode("utf-8", "replace")
    )


def _encoded_in(text: str, personal: bool) -> list[str]:
    """The secrets that a text holds in base64."""
    run = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    with suppress(ValueError):
        plain = base64.b64decode(run[: len(run) // 4 * 4], validate=True)
        return [one for *_, one in _in_body("", plain, personal)]
    return []


def _in_message(message: _Message, personal: bool) -> Iterator[Found]:
    for name, value in message.headers:
        where = f"{message.where}.headers.{name}"
        yield from _in_body(f"{message.where}.headers", name.encode("utf-8", "replace"), personal)
        if is_secret(name):
            yield from _unless_harmless(where, "header that authenticates", value)
        else:
            yield from _in_body(where, value.encode("utf-8", "replace"), personal)
    yield from _in_uri(f"{message.where}.uri", message.uri, personal)
    decoder = ContentDecoder(",".join(value for name, value in message.headers if name.lower() == "content-encoding"))
    decoded = decoder.feed(message.body)
    body = decoded if decoder.readable and decoded else message.body  # a recorder may have decoded it
    yield from _in_body(f"{message.where}.body", body, personal, offsets=True)
    for name, text in message.texts:
        yield from _in_body(f"{message.where}.{name}", text.encode("utf-8", "replace"), personal)


def _in_uri(where: str, uri: str, personal: bool) -> Iterator[Found]:
    with suppress(ValueError):  # not an address
        parts = urlsplit(uri)
        yield from _unless_harmless(where, "password in an address", unquote(parts.password or ""))
        for piece in parts.query.split("&"):
            name, _, value = piece.partition("=")
            if is_secret_parameter(unquote_plus(name)):
                yield from _unless_harmless(where, f"parameter {unquote_plus(name)}", unquote_plus(value))
            else:
                yield from _in_body(where, unquote_plus(value).encode("utf-8", "replace"), personal)
        yield from _in_body(where, parts.path.encode("utf-8", "replace"), personal)


def _unless_harmless(where: str, kind: str, text: str) -> Iterator[Found]:
    if len(text) >= _SHORT and not is_placeholder(text):
        yield where, kind, text


def _in_body(where: str, body: bytes, personal: bool, *, offsets: bool = False) -> Iterator[Found]:
    finder = SecretFinder(personal=personal)
    finder.feed(body)
    finder.finish()
    for span in finder.spans:
        if not span.text:  # the rest of one that is split: it was found where it begins
            continue
        text = finder.text(body[span.start : span.end])
        at = f" byte {span.start} (line {body.count(10, 0, span.start) + 1})" if offsets else ""
        if not is_placeholder(text):
            yield f"{where}{at}".lstrip("."), finder.kinds.get(span.start, "secret"), text


# The forms of files


def _messages(data: bytes) -> list[_Message] | None:
    """The messages of a file; ``None``: it is searched as text."""
    try:
        for read in (_of_spool, _of_har, _of_cassette):
            if (found := read(data)) is not None:
                return list(found)
    except (AttributeError, CassetteError, LookupError, TypeError, ValueError):
        pass  # damaged, or of a form that only begins like one of these
    return None


def _of_spool(data: bytes) -> Iterable[_Message] | None:
    if not data.startswith(b'{"order": '):
        return None
    requests: dict[int, Any] = {}
    responses: dict[int, Any] = {}
    bodies: dict[int, list[bytes]] = {}
    for line in data.splitlines():
        try:
            written = json.loads(line)
            order = written["order"]
        except (ValueError, LookupError, TypeError):
            return None
        if "request" in written:
            requests[order], responses[order], bodies[order] = written["request"], written["response"], []
        elif "data" in written:
            bodies[order].append(base64.b64decode(written["data"]))
        elif "more" in written:
            bodies[order][written["chunk"]] += base64.b64decode(written["more"])
    found = []
    for order, request in requests.items():
        body = base64.b64decode(request["body"])
        found.append(_Message(f"exchange {order}.request", _pairs(request["headers"]), body, request["uri"]))
        found.append(
            _Message(f"exchange {order}.response", _pairs(responses[order]["headers"]), b"".join(bodies[order]))
        )
    return found


def _of_har(data: bytes) -> Iterable[_Message] | None:
    if data.lstrip()[:1] != b"{":
        return None
    root = json.loads(data)
    log = root.get("log")
    if log is None:
        return None
    return (*_entries(log["entries"]), _others("log", log, "entries"), _others("", root, "log"))


def _entries(entries: list[Mapping[str, Any]]) -> Iterator[_Message]:
    for index, entry in enumerate(entries):
        request, response = entry["request"], entry["response"]
        posted = request.get("postData") or {}
        fields = tuple((one["name"], str(one.get("value"))) for one in posted.get("params") or ())
        where, body = f"log.entries[{index}].request", (posted.get("text") or "").encode()
        texts = tuple((f"postData.{name}", json.dumps({name: value})) for name, value in fields)
        yield _Message(where, _named(request), body, request.get("url") or "", texts)
        content = response.get("content") or {}
        text = content.get("text") or ""
        answer = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
        redirect = (("redirectURL", response.get("redirectURL") or ""),)
        headers = tuple(pair for pair in _named(response) if pair[0].lower() != "content-encoding")  # HAR is decoded
        yield _Message(f"log.entries[{index}].response", headers, answer, texts=redirect)
        yield _others(f"log.entries[{index}]", entry, "request", "response")
        yield _others(where, request, "headers", "cookies", "url", "queryString", "postData")
        yield _others(f"log.entries[{index}].response", response, "headers", "cookies", "content", "redirectURL")


def _others(where: str, mapping: Mapping[str, Any], *searched: str) -> _Message:
    """What else is there: messages of web sockets, initiators, titles of pages, what a tool adds of its own."""
    others = ((str(name), value) for name, value in mapping.items() if name not in searched)
    return _Message(where, texts=tuple((name, json.dumps({name: value}, default=_text)) for name, value in others))


def _named(message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    cookies = (("Cookie", f"{one['name']}={one['value']}") for one in message.get("cookies") or ())
    return (*((one["name"], str(one["value"])) for one in message.get("headers") or ()), *cookies)


def _of_cassette(data: bytes) -> Iterable[_Message] | None:
    root = Serializer().read(data.decode("utf-8-sig"))
    return (*_interactions(root["interactions"].value), _others("", root.mapping(), "interactions"))


def _interactions(interactions: list[Mapping[str, Any]]) -> Iterator[_Message]:
    for index, one in enumerate(interactions):
        request, response = one["request"], one["response"]
        where = f"interactions[{index}]"
        body = _bytes(request.get("body", request.get("parsed_body")))
        yield _Message(f"{where}.request", _listed(request), body, str(request["uri"]))
        string = response["body"].get("string") if response.get("body") else response.get("parsed_body")
        texts = (
            ("status.message", str(response["status"].get("message") or "")),
            ("note", str((response.get(KEY) or {}).get("note") or "")),
        )
        yield _Message(f"{where}.response", _listed(response), _bytes(string), texts=texts)
        yield _others(where, one, "request", "response")
        yield _others(f"{where}.request", request, "body", "parsed_body", "headers", "uri")
        yield _others(f"{where}.response", response, "body", "parsed_body", "headers", "status", KEY)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (
        str(value or "").encode("utf-8", "replace")
        if not isinstance(value, dict | list)
        else json.dumps(value).encode()
    )


def _listed(message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = (message.get("headers") or {}).items()
    return tuple((str(name), _text(one)) for name, values in headers for one in _list(values))


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _pairs(pairs: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)
