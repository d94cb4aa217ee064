"""Recorded sessions as vcrpy cassettes: version 1, YAML, so that any vcrpy user can replay them too.

vcrpy has no place for chunk boundaries, timing, framing and ending. They stand inside ``response``, under
``x-orharness`` (the only place that every vcrpy since 7 keeps when it saves a cassette again)::

    x-orharness:
      format: 1
      head: 0.231                            # seconds from the request to the response head
      chunks: [[0.412, 24], [0.02, 131]]     # [seconds after the one before, bytes]; the sizes add up to the body
      framing: chunked                       # or length, close
      ending: eof                            # or abort, reset, hang, client_disconnected (which replays as abort)
      recorded_at: '2026-11-22T06:00:00Z'
      announced: 200                         # only where a Content-Length promised more than came
      note: the recorder was stopped         # only where there is something to say
      timed: false                           # only where chunks and delays are not those of a recording
      interactions: 31                       # in the first interaction only: how many the file holds

A file that was cut is refused, wherever the cut is: ``version: 1`` is the last line that we and vcrpy write, so a file
without it has lost its end. ``interactions`` shows that an interaction is missing in a file that has its end.

Everything passes through vcrpy's two protocols, ``Serializer`` and ``Persister``, which a vcrpy user can register as
they are. What they write is UTF-8 whatever the locale, replaces a file in one step, and holds no secrets.

This is the only module that imports ``vcr`` or ``yaml``.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote_plus, urlsplit, urlunsplit

import vcr.request  # type: ignore[import-untyped]
import vcr.serialize  # type: ignore[import-untyped]
import yaml
from vcr.filters import remove_headers  # type: ignore[import-untyped]
from vcr.persisters.filesystem import CassetteNotFoundError  # type: ignore[import-untyped]
from vcr.record_mode import RecordMode  # type: ignore[import-untyped]

from orharness.errors import CassetteError, ScenarioError
from orharness.files import write_whole
from orharness.redaction import is_secret
from orharness.sse import Event, decode
from orharness.stream import Chunk, Edit, Ending, Framing, Stream, edit

FORMAT = 1
KEY = "x-orharness"
CLIENT_DISCONNECTED = "client_disconnected"

Headers = tuple[tuple[str, str], ...]
"""Names and values in the order in which they were sent; what a name repeats stands beside it."""

_SECRET_PARAMETER = re.compile(
    r"^(?:(?:api|access|auth|subscription)?[-_]?key|(?:api|access|auth|id|refresh)?[-_]?token|secret|password)$", re.I
)
_COMPUTED = {"content-length", "transfer-encoding"}  # a replay has framing of its own
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"}  # RFC 9110, 7.6.1
_BLOCK_END = re.compile(rb"(?>\r\n|\r|\n){2,}")
_ODD_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # line ends to YAML 1.1, so only a quoted text keeps them
_TOTAL = "interactions"  # below KEY, in the first interaction: how many the file holds
_HEAD, _TAIL = b"interactions:\n", b"version: 1\n"


@dataclass(frozen=True)
class RecordedRequest:
    """A request as the client sent it. A header that was sent twice is one, joined by a comma (RFC 9110, 5.3)."""

    method: str
    uri: str
    headers: Headers = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        joined = ((values[0][0], ", ".join(value for _, value in values)) for values in _by_name(self.headers))
        object.__setattr__(self, "headers", tuple(joined))


@dataclass(frozen=True)
class Interaction:
    """One recorded exchange: a request, and the response with its body as a ``Stream``.

    ``head``: seconds from the request to the response head. ``ending_recorded``: how the response ended, an ``Ending``
    or ``client_disconnected``, which the stream replays as ``Ending.ABORT``. ``recorded_at``: the moment in ISO 8601.
    ``timed``: whether chunks and delays are those of the recording (a foreign cassette has neither: it is one chunk
    an event, without delays). ``note``: what a reader should know about how this was recorded or loaded.
    """

    request: RecordedRequest
    status: int = 200
    reason: str = "OK"
    headers: Headers = ()
    stream: Stream = field(default_factory=Stream)
    head: float = 0.0
    ending_recorded: str = Ending.EOF.value
    recorded_at: str | None = None
    timed: bool = True
    note: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", tuple(pair for values in _by_name(self.headers) for pair in values))
        if _replayed(self.ending_recorded) is not self.stream.ending:
            raise CassetteError(f"ending {self.ending_recorded!r} does not replay as {self.stream.ending.value!r}")


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first value of a header, whatever the case of its name; ``None`` where it is missing."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def _by_name(headers: Iterable[tuple[str, str]]) -> Iterable[list[tuple[str, str]]]:
    """The headers of each name, under the spelling that came first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, value in headers:
        group = groups.setdefault(name.lower(), [])
        group.append((group[0][0] if group else name, value))
    return groups.values()


def _replayed(ending: str) -> Ending:
    try:
        return Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending)
    except ValueError:
        known = ", ".join([*Ending, CLIENT_DISCONNECTED])
        raise CassetteError(f"ending {ending!r} is not one of {known}") from None


# Secrets


def scrub(headers: Iterable[tuple[str, str]]) -> Headers:
    """The headers without those that authenticate."""
    return tuple((name, value) for name, value in headers if not is_secret(name))


def scrub_uri(uri: str) -> str:
    """The address without user, password, and query parameters such as ``key=`` and ``api_key=``; else as it was."""
    parts = urlsplit(uri)
    query = "&".join(piece for piece in parts.query.split("&") if not _is_secret_parameter(piece))
    clean = parts._replace(query=query, netloc=parts.netloc.rpartition("@")[2])
    return uri if clean == parts else urlunsplit(clean)


def _is_secret_parameter(piece: str) -> bool:
    return _SECRET_PARAMETER.search(unquote_plus(piece.partition("=")[0])) is not None


def redact(interaction: Interaction, secrets: Iterable[str], placeholder: str = "REDACTED") -> Interaction:
    """The interaction with each secret replaced wherever it stands: address, headers, both bodies.

    Chunk boundaries move with the text, so that the sizes still add up.
    """
    for secret in filter(None, secrets):
        old, new = secret.encode(), placeholder.encode()
        found = [match.start() for match in re.finditer(re.escape(old), interaction.stream.body)]
        request = replace(
            interaction.request,
            uri=interaction.request.uri.replace(secret, placeholder),
            headers=tuple((name, value.replace(secret, placeholder)) for name, value in interaction.request.headers),
            body=interaction.request.body.replace(old, new),
        )
        interaction = replace(
            interaction,
            request=request,
            headers=tuple((name, value.replace(secret, placeholder)) for name, value in interaction.headers),
            stream=edit(interaction.stream, [Edit(start, start + len(old), new) for start in found]),
        )
    return interaction


# vcrpy's two protocols


def _literal_where_it_can(dumper: yaml.representer.SafeRepresenter, text: str) -> yaml.Node:
    # For what a literal block cannot hold (CR, tab, a blank at a line end, ...) the emitters take quotes.
    style = '"' if _ODD_LINE_ENDS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _Row(list[Any]):
    """A list that is written on one line."""


def _on_one_line(dumper: yaml.representer.SafeRepresenter, row: _Row) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True)


def _dumper(base: Any) -> Any:
    made: Any = type("_Dumper", (base,), {"ignore_aliases": lambda self, data: True})
    made.add_representer(str, _literal_where_it_can)
    made.add_representer(_Row, _on_one_line)
    return made


def _loader(base: Any) -> Any:
    """A safe loader that leaves dates what they are in JSON: text."""
    resolvers = {
        first: [(tag, regexp) for tag, regexp in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})


_PURE = (_loader(yaml.SafeLoader), _dumper(yaml.SafeDumper))
_FAST = (_loader(yaml.CSafeLoader), _dumper(yaml.CSafeDumper)) if yaml.__with_libyaml__ else _PURE


class Serializer:
    """vcrpy's serializer protocol: ``VCR.register_serializer("orharness", Serializer())``.

    A text of several lines is a literal block wherever YAML can hold it, so that a stream reads and diffs as it was
    sent. Loading also takes pydantic-ai's form, in which JSON stands as ``parsed_body`` in place of ``body``. Raises
    ``CassetteError``, with the key, for whatever is not a cassette.
    """

    def __init__(self, *, libyaml: bool = True) -> None:
        self._loader, self._dumper = _FAST if libyaml else _PURE

    def serialize(self, cassette_dict: Mapping[str, Any]) -> str:
        """The YAML text, with ``version`` as its last line. libyaml and PyYAML write the same one."""
        others = {name: value for name, value in cassette_dict.items() if name != "version"}
        interactions = _counted([_laid_out(one) for one in cassette_dict["interactions"]])
        data = {**others, "interactions": interactions, "version": vcr.serialize.CASSETTE_FORMAT_VERSION}
        text = self._dump(data, self._dumper)
        # libyaml cannot write a character beyond the BMP as it is: a stream with an emoji would not be a literal block.
        return self._dump(data, _PURE[1]) if "\\U" in text else text

    @staticmethod
    def _dump(data: object, dumper: Any) -> str:
        text: str = yaml.dump(
            data, Dumper=dumper, allow_unicode=True, sort_keys=False, default_flow_style=False, width=120
        )
        # Once a literal block has ended in line ends, the emitters close the document, wherever in it that was.
        return text[:-4] if text.endswith("\n...\n") else text

    def deserialize(self, cassette_string: str) -> dict[str, Any]:
        """The cassette as vcrpy takes it: bodies under ``body``, header values in lists."""
        if not cassette_string.strip():
            raise CassetteError("the file is empty")
        data = self._parse(cassette_string)
        if isinstance(data, list) and data:
            raise CassetteError("the file has a form from before vcrpy 1.0: run `python -m vcr.migration` on it")
        root = _At("", data)
        _check_version(root)
        interactions = root["interactions"].items()
        _check_total(interactions)
        return {**root.mapping(), "interactions": [_as_vcrpy_takes_it(one) for one in interactions]}

    def _parse(self, text: str) -> object:
        with suppress(
            ValueError, RecursionError
        ):  # what vcrpy's JSON serializer wrote: YAML cannot hold its surrogate pairs
            return json.loads(text)
        try:
            return yaml.load(text, Loader=self._loader)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise CassetteError(f"the file is not YAML: {error}") from error


def _laid_out(interaction: Mapping[str, Any]) -> dict[str, Any]:
    response = interaction["response"]
    ours = response.get(KEY)
    if isinstance(ours, dict) and isinstance(ours.get("chunks"), list):
        rows = _Row(_Row(row) if isinstance(row, list) else row for row in ours["chunks"])
        response = {**response, KEY: {**ours, "chunks": rows}}
    return {**interaction, "response": response}


def _counted(interactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The interactions with their number in the first of ours, as its last key, and in no other."""
    ours = (index for index, one in enumerate(interactions) if isinstance(one["response"].get(KEY), dict))
    first = next(ours, None)
    return [_with_total(one, len(interactions) if at == first else None) for at, one in enumerate(interactions)]


def _with_total(interaction: dict[str, Any], total: int | None) -> dict[str, Any]:
    response = interaction["response"]
    if not isinstance(response.get(KEY), dict):
        return interaction
    ours = {name: value for name, value in response[KEY].items() if name != _TOTAL}
    return {**interaction, "response": {**response, KEY: ours if total is None else {**ours, _TOTAL: total}}}


class Persister:
    """vcrpy's persister protocol: ``VCR.register_persister(Persister)``.

    A file is replaced in one step or stays what it was. No secret is written. A damaged file is a ``CassetteError``,
    where vcrpy's own persister can take it for an empty cassette, and so record over it.
    """

    @staticmethod
    def load_cassette(cassette_path: str | os.PathLike[str], serializer: Any) -> tuple[list[Any], list[Any]]:
        """vcrpy's requests and responses. Raises its ``CassetteNotFoundError`` where there is no such file."""
        path = Path(cassette_path)
        with _named(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                raise CassetteNotFoundError(f"{path}: there is no such cassette") from None
            except OSError as error:
                raise CassetteError(f"the file cannot be read: {error.strerror}") from error
            try:
                requests, responses, *_ = vcr.serialize.deserialize(data.decode("utf-8-sig"), serializer)
            except UnicodeDecodeError as error:
                raise CassetteError(f"the file is not UTF-8: {error}") from error
            except ValueError as error:  # vcrpy's own complaints, also about an address
                raise CassetteError(str(error)) from error
        return requests, responses

    @staticmethod
    def save_cassette(
        cassette_path: str | os.PathLike[str], cassette_dict: Mapping[str, Sequence[Any]], serializer: Any
    ) -> None:
        """Writes the file, its folders too. Raises ``CassetteError`` where it cannot."""
        path = Path(cassette_path)
        with _named(path):
            _write(path, _data(cassette_dict, serializer))


def _data(cassette_dict: Mapping[str, Any], serializer: Any) -> bytes:
    # Copies: vcrpy's serialize turns the bytes of the bodies that it is given into text, in place.
    clean = {
        **cassette_dict,
        "requests": [_clean_request(request) for request in cassette_dict["requests"]],
        "responses": [_clean_response(response) for response in cassette_dict["responses"]],
    }
    try:
        text: str = vcr.serialize.serialize(clean, serializer)
        return text.encode()
    except UnicodeEncodeError as error:
        raise CassetteError(f"a lone surrogate cannot be written: {error}") from error


def _clean_request(request: Any) -> Any:
    copy = vcr.request.Request(request.method, scrub_uri(request.uri), request.body, dict(request.headers))
    return remove_headers(copy, [name for name in request.headers if is_secret(name)])


def _clean_response(response: Mapping[str, Any]) -> dict[str, Any]:
    headers = response.get("headers") or {}
    return {
        **response,
        "headers": {name: values for name, values in headers.items() if not is_secret(name)},
        "body": {**(response.get("body") or {})},
    }


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise CassetteError(f"the file cannot be written: {error.strerror}") from error


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Puts the file's name before what a CassetteError says."""
    try:
        yield
    except CassetteError as error:
        raise CassetteError(f"{path}: {error}") from error.__cause__


# What a file holds, with the key at hand for whatever is wrong with it


@dataclass(frozen=True, slots=True)
class _At:
    """A value in a cassette and the key that leads to it."""

    key: str
    value: Any

    def fail(self, message: str) -> NoReturn:
        raise CassetteError(f"{self.key}: {message}" if self.key else message)

    def mapping(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            self.fail(f"a mapping is expected here, not {_kind(self.value)}")
        return self.value

    def __contains__(self, name: str) -> bool:
        return self.mapping().get(name) is not None

    def __getitem__(self, name: str) -> _At:
        found = _At(f"{self.key}.{name}" if self.key else name, self.mapping().get(name))
        if name not in self.value:
            found.fail("this key is missing")
        return found

    def items(self) -> list[_At]:
        if not isinstance(self.value, list):
            self.fail(f"a list is expected here, not {_kind(self.value)}")
        return [_At(f"{self.key}[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.fail(f"text is expected here, not {_kind(self.value)}")
        return self.value

    def address(self) -> str:
        try:
            urlsplit(self.text())
        except ValueError as error:
            self.fail(f"this is no address: {error}")
        return self.text()

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            self.fail(f"true or false is expected here, not {_kind(self.value)}")
        return self.value

    def data(self) -> bytes:
        if self.value is None:
            return b""
        if not isinstance(self.value, str | bytes):
            self.fail(f"text or !!binary is expected here, not {_kind(self.value)}")
        try:
            return self.value.encode() if isinstance(self.value, str) else self.value
        except UnicodeEncodeError:
            self.fail("a lone surrogate is not UTF-8")

    def integer(self, least: int) -> int:
        if type(self.value) is not int or self.value < least:
            self.fail(f"a whole number from {least} up is expected here, not {self.value!r}")
        return self.value

    def seconds(self) -> float:
        if type(self.value) not in (int, float) or not isfinite(self.value) or self.value < 0:
            self.fail(f"seconds from 0 up are expected here, not {self.value!r}")
        return float(self.value)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r:.40}"


def _check_version(root: _At) -> None:
    """Refuses a file that has lost its end, and a form that is not known."""
    if "version" not in root:
        _At("version", None).fail(
            "this key is missing: it is the last line of a cassette, so the end of this file is lost. Restore the file"
            " or record it again; if nothing else is missing, add the line `version: 1`"
        )
    if root["version"].value != vcr.serialize.CASSETTE_FORMAT_VERSION:
        root["version"].fail(f"vcrpy's version {root['version'].value!r} is not known here")


def _check_total(interactions: list[_At]) -> None:
    """Refuses a file with fewer interactions than were written. More are legal: vcrpy adds its own after ours."""
    for interaction in interactions:
        response = interaction["response"]
        if KEY not in response or _TOTAL not in response[KEY]:
            continue
        total = response[KEY][_TOTAL]
        if total.integer(1) > len(interactions):
            total.fail(
                f"{total.value} interactions were written, but the file holds {len(interactions)}. Restore the file or"
                f" record it again; if the others were deleted on purpose, set this key to {len(interactions)}"
            )


def _as_vcrpy_takes_it(interaction: _At) -> dict[str, Any]:
    request, response = interaction["request"], interaction["response"]
    return {
        "request": {
            "method": request["method"].text(),
            "uri": request["uri"].address(),
            "body": _body_of_request(request),
            "headers": {name: [", ".join(values)] for name, values in _header_lists(request).items()},
        },
        "response": {
            **{name: value for name, value in response.mapping().items() if name != "parsed_body"},
            "status": {"code": response["status"]["code"].integer(100), "message": _reason(response["status"])},
            "headers": _header_lists(response),
            **_body_of_response(response),
        },
    }


def _reason(status: _At) -> str:
    return status["message"].text() if "message" in status else ""


def _header_lists(message: _At) -> dict[str, list[str]]:
    """The values of each header in a list; a list of one may have been written as what is in it."""
    if "headers" not in message:
        return {}
    headers = message["headers"]
    lists = {}
    for name in headers.mapping():
        values = headers[name]
        found = values.items() if isinstance(values.value, list) else [values]
        lists[str(name)] = [_header_value(value) for value in found]
    return lists


def _header_value(value: _At) -> str:
    if isinstance(value.value, bytes):
        return value.value.decode("latin-1")
    return value.text() if not isinstance(value.value, int | float) else str(value.value)


def _body_of_request(request: _At) -> bytes:
    if "body" not in request and "parsed_body" in request:
        return _as_json(request["parsed_body"])
    return request["body"].data() if "body" in request else b""


def _body_of_response(response: _At) -> dict[str, Any]:
    if "body" in response:
        return {"body": {"string": response["body"]["string"].data()}}
    if "parsed_body" not in response:
        response["body"].fail("a response has a body (or a parsed_body)")
    note = "the body is the JSON of parsed_body: the recording holds no bytes"
    return {"body": {"string": _as_json(response["parsed_body"])}, KEY: {"format": FORMAT, "note": note}}


def _as_json(at: _At) -> bytes:
    try:
        return json.dumps(at.value, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        at.fail(f"this is not JSON: {error}")


# Interactions


def load(path: str | os.PathLike[str], *, serializer: Serializer | None = None) -> list[Interaction]:
    """The interactions of a cassette, ours or any vcrpy user's.

    Where the file holds no chunks (a foreign one), gzip and deflate are decoded and an event stream is one chunk an
    event. Content-Length, Transfer-Encoding and hop-by-hop headers are left out: a server computes its own.

    Raises ``CassetteError``, with file and key, for a file that is missing or damaged in any way.
    """
    file = Path(path)
    try:
        requests, responses = Persister.load_cassette(file, serializer or Serializer())
    except CassetteNotFoundError as error:
        raise CassetteError(str(error)) from None
    with _named(file):
        pairs = zip(requests, responses, strict=True)
        return [_loaded(pair[0], _At(f"interactions[{index}].response", pair[1])) for index, pair in enumerate(pairs)]


def save(
    path: str | os.PathLike[str], interactions: Iterable[Interaction], *, serializer: Serializer | None = None
) -> None:
    """Writes a cassette in one step: whoever reads the file meanwhile finds the old one or the new one.

    Seconds are rounded to microseconds. Headers and query parameters that authenticate are left out. Raises
    ``CassetteError`` where the file cannot be written.
    """
    Persister.save_cassette(path, _for_vcrpy(interactions), serializer or Serializer())


def _for_vcrpy(interactions: Iterable[Interaction]) -> dict[str, list[Any]]:
    interactions = list(interactions)
    try:
        requests = [_vcrpy_request(one.request) for one in interactions]
    except ValueError as error:
        raise CassetteError(f"an address that nobody could replay: {error}") from error
    return {"requests": requests, "responses": [_vcrpy_response(one) for one in interactions]}


def _vcrpy_request(request: RecordedRequest) -> Any:
    urlsplit(request.uri)  # not every vcrpy does so at once
    return vcr.request.Request(request.method, request.uri, request.body, dict(request.headers))


def _vcrpy_response(interaction: Interaction) -> dict[str, Any]:
    return {
        "status": {"code": interaction.status, "message": interaction.reason},
        "headers": {values[0][0]: [value for _, value in values] for values in _by_name(interaction.headers)},
        "body": {"string": interaction.stream.body},
        KEY: _ours(interaction),
    }


def _ours(interaction: Interaction) -> dict[str, Any]:
    stream = interaction.stream
    optional = {
        "recorded_at": interaction.recorded_at,
        "announced": stream.announced,
        "note": interaction.note,
        "timed": None if interaction.timed else False,
    }
    return {
        "format": FORMAT,
        "head": _microseconds(interaction.head),
        "chunks": [[_microseconds(chunk.delay), len(chunk.data)] for chunk in stream.chunks],
        "framing": stream.framing.value,
        "ending": interaction.ending_recorded,
        **{key: value for key, value in optional.items() if value is not None},
    }


def _microseconds(seconds: float) -> float:
    if not isfinite(seconds) or seconds < 0:
        raise CassetteError(f"{seconds} seconds cannot have been recorded")
    return round(seconds, 6)


def _loaded(request: Any, response: _At) -> Interaction:
    ours = response[KEY] if KEY in response else _At(f"{response.key}.{KEY}", {"format": FORMAT})
    if ours["format"].value != FORMAT:
        ours["format"].fail(f"this orharness reads format {FORMAT}, not {ours['format'].value!r}")
    ending = ours["ending"].text() if "ending" in ours else Ending.EOF.value
    headers, chunks = _content(ours, response)
    return Interaction(
        request=RecordedRequest(request.method, request.uri, tuple(request.headers.items()), request.body),
        status=response["status"]["code"].value,
        reason=response["status"]["message"].value,
        headers=headers,
        stream=Stream(
            chunks,
            _checked(ours, "ending", _replayed, ending),
            _checked(ours, "framing", Framing, ours["framing"].text()) if "framing" in ours else Framing.CHUNKED,
            announced=ours["announced"].integer(0) if "announced" in ours else None,
        ),
        head=ours["head"].seconds() if "head" in ours else 0.0,
        ending_recorded=ending,
        recorded_at=ours["recorded_at"].text() if "recorded_at" in ours else None,
        timed="chunks" in ours and ("timed" not in ours or ours["timed"].boolean()),
        note=ours["note"].text() if "note" in ours else None,
    )


def _content(ours: _At, response: _At) -> tuple[Headers, tuple[Chunk, ...]]:
    """The headers that can be replayed, and the body: as it was on the wire, else as far as a foreign file tells."""
    headers = _end_to_end(response["headers"].value)
    body: bytes = response["body"]["string"].value
    if "chunks" in ours:
        return headers, _chunks(ours["chunks"], body)
    headers, body = _decoded(headers, body, response["body"])
    return headers, tuple(Chunk(piece) for piece in _pieces(headers, body))


def _checked(ours: _At, name: str, make: Any, value: str) -> Any:
    try:
        return make(value)
    except (CassetteError, ValueError) as error:
        ours[name].fail(str(error))


def _chunks(at: _At, body: bytes) -> tuple[Chunk, ...]:
    rows = [_row(row) for row in at.items()]
    ends = [0, *accumulate(size for _, size in rows)]
    if ends[-1] != len(body):
        at.fail(
            f"the sizes add up to {ends[-1]}, but the body has {len(body)} bytes: it was edited, or changed by a vcrpy "
            "filter such as filter_sensitive_data. Record it again, or delete this key to replay it one chunk an event"
        )
    return tuple(Chunk(body[start : start + size], delay) for start, (delay, size) in zip(ends, rows, strict=False))


def _row(row: _At) -> tuple[float, int]:
    cells = row.items()
    if len(cells) != 2:
        row.fail(f"a chunk is [seconds, bytes], not {row.value!r}")
    return cells[0].seconds(), cells[1].integer(1)


def _end_to_end(headers: Mapping[str, Sequence[str]]) -> Headers:
    dropped = _COMPUTED | _HOP_BY_HOP
    return tuple((name, value) for name, values in headers.items() for value in values if name.lower() not in dropped)


# Foreign cassettes


def _pieces(headers: Headers, body: bytes) -> Iterable[bytes]:
    """The blocks of an event stream (each with its empty line); any other body is one piece."""
    kind = header(headers, "content-type")
    streams = "event-stream" in kind if kind else any(isinstance(item, Event) for item in decode(body))
    ends = [match.end() for match in _BLOCK_END.finditer(body)] if streams else []
    return (body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True))


def _decoded(headers: Headers, body: bytes, at: _At) -> tuple[Headers, bytes]:
    """The body without its content coding (vcrpy keeps the compressed bytes), and the headers without its name."""
    codings = [coding.strip().lower() for coding in (header(headers, "content-encoding") or "").split(",")]
    for coding in codings:  # in either order: what is found inside says what it is
        if coding in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body)
        elif coding not in ("", "identity") and not _is_text(body):
            at.fail(f"content-encoding {coding} is not known here: record with decode_compressed_response=True")
    return tuple(pair for pair in headers if pair[0].lower() != "content-encoding"), body


def _inflated(body: bytes) -> bytes:
    """What was compressed by gzip, zlib or bare deflate, also where the end is missing; else the body as it is."""
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        with suppress(zlib.error):
            found = zlib.decompressobj(window).decompress(body)
            if found or not body:
                return found
    return body  # a recorder that decodes may still have kept the header


def _is_text(body: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return body.decode() is not None
    return False


class Tape:
    """A cassette that is being recorded: each ``add`` saves the file at once.

    The record modes are vcrpy's: ``none`` adds nothing, ``once`` only where there was no file, ``new_episodes`` behind
    what is there, ``all`` in place of what is there for the same method and address. ``rewrite`` is pytest-recording's:
    the file is replaced by the first interaction.
    """

    def __init__(self, path: str | os.PathLike[str], mode: RecordMode | str = RecordMode.ONCE) -> None:
        self.path = Path(path)
        self.existed = self.path.exists() and mode != "rewrite"
        try:
            self.mode = RecordMode("new_episodes" if mode == "rewrite" else mode)
        except ValueError:
            known = "all, new_episodes, none, once, rewrite"
            raise ScenarioError(f"record mode {mode!r} is not one of {known}") from None
        self._entries = [_Entry(one) for one in (load(path) if self.existed else [])]

    @property
    def interactions(self) -> list[Interaction]:
        """What the file holds now."""
        return [entry.interaction for entry in self._entries]

    @property
    def records(self) -> bool:
        """Whether ``add`` adds."""
        return self.mode is not RecordMode.NONE and not (self.mode is RecordMode.ONCE and self.existed)

    def add(self, interaction: Interaction, order: int | None = None) -> None:
        """Saves the file with one more interaction.

        Those added stand in the order of their ``order`` (such as the number of the request, where concurrent ones end
        in another order than they began in); without, in the order in which they came. Raises ``CassetteError`` where
        the record mode adds nothing, or the file cannot be written: then it holds what it held.
        """
        if not self.records:
            why = "adds nothing to a file that exists" if self.mode is RecordMode.ONCE else "adds nothing"
            raise CassetteError(f"{self.path}: record mode {self.mode.value} {why}")
        with _named(self.path):
            new = _Entry(interaction, self._last + 1 if order is None else order)
            entries = sorted([*self._kept(new), new], key=lambda entry: entry.order)
            _write(self.path, _joined(entries))
        self._entries = entries

    @property
    def _last(self) -> int:
        return max((entry.order for entry in self._entries), default=-1)

    def _kept(self, new: _Entry) -> list[_Entry]:
        return [entry for entry in self._entries if entry.order >= 0 or not self._replaces(new, entry)]

    def _replaces(self, new: _Entry, old: _Entry) -> bool:
        return self.mode is RecordMode.ALL and new.endpoint == old.endpoint


class _Entry:
    """One interaction of a tape, with its YAML, so that adding one does not serialize all the others again."""

    def __init__(self, interaction: Interaction, order: int = -1) -> None:
        self.interaction = interaction
        self.order = order  # -1: from the file as it was found
        alone = _data(_for_vcrpy([interaction]), Serializer())
        self.data = alone.removeprefix(_HEAD).removesuffix(_total_line(1) + _TAIL)
        self.endpoint = interaction.request.method, scrub_uri(interaction.request.uri)


def _joined(entries: list[_Entry]) -> bytes:
    """The file that holds these entries (one at least), as ``save`` writes it."""
    first, *others = (entry.data for entry in entries)
    return b"".join([_HEAD, first, _total_line(len(entries)), *others, _TAIL])


def _total_line(total: int) -> bytes:
    return b"      %b: %d\n" % (_TOTAL.encode(), total)
