"""Writing interactions as a cassette, HAR, an event stream or a scenario document, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orharness.cassette.codec import for_vcrpy
from orharness.cassette.files import clean_data
from orharness.cassette.interaction import Interaction, header
from orharness.cassette.secrets import hidden
from orharness.cassette.serializer import Serializer
from orharness.conversion.har import har_of
from orharness.conversion.source import OtherRecording
from orharness.errors import CassetteError
from orharness.frames import SSE
from orharness.journal import Request
from orharness.scenario.body import Plain, Whole
from orharness.scenario.document import Scenario, read, write
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.stream import Stream
from orharness.verdict import count, did_you_mean
from orharness.yamlfile import dump_document

OUTPUTS = ("cassette", "har", "sse", "scenario")
_BY_SUFFIX = {".yaml": "cassette", ".yml": "cassette", ".har": "har", ".sse": "sse"}


def output_of(path: Path, given: str | None) -> str:
    """Return the form to write: the given one, or that of the file's name. Raises ``CassetteError`` for neither."""
    if given is not None:
        if given not in OUTPUTS:
            raise CassetteError(f"--as is one of {', '.join(OUTPUTS)}; not {given!r}{did_you_mean([given], OUTPUTS)}")
        return given
    if path.suffix not in _BY_SUFFIX:
        raise CassetteError(
            f"{path}: the name does not say what to write: add --as {', '.join(OUTPUTS[:-1])} or scenario"
        )
    return "scenario" if path.stem.endswith(".scenario") else _BY_SUFFIX[path.suffix]


def written(
    source: OtherRecording, form: str, *, keep_headers: Iterable[str] = (), personal: bool = False
) -> tuple[bytes, list[str]]:
    """Return the file of a form, and what is lost in it, a sentence each.

    ``keep_headers`` and ``personal`` are those of ``hidden``. Raises ``CassetteError`` where the source holds no bytes,
    or the form cannot hold what the source does.
    """
    if source.scenario is not None:
        return _document(source, form)
    if not source.interactions:
        raise CassetteError("there is nothing in it to be converted")
    clean = [hidden(one, keep_headers=keep_headers, personal=personal) for one in source.interactions]
    return _WRITERS[form](clean)


def _document(source: OtherRecording, form: str) -> tuple[bytes, list[str]]:
    if form != "scenario":
        raise CassetteError(f"{source.form} holds no recorded bytes, as {form} needs them: convert it --as scenario")
    assert source.scenario is not None
    if not source.scenario["routes"]:
        raise CassetteError("; ".join(["nothing in it can be said by a scenario", *source.notes]))
    return dump_document(write(read(source.scenario))).encode(), []


def _cassette(interactions: Sequence[Interaction]) -> tuple[bytes, list[str]]:
    return clean_data(for_vcrpy(interactions), Serializer()), []


def _har(interactions: Sequence[Interaction]) -> tuple[bytes, list[str]]:
    return har_of(interactions).encode("utf-8", "surrogatepass"), []


def _sse(interactions: Sequence[Interaction]) -> tuple[bytes, list[str]]:
    if len(interactions) > 1:
        raise CassetteError(
            f"an event stream is one response, and there are {len(interactions)}: choose one with --interaction"
        )
    [one] = interactions
    kind = header(one.headers, "Content-Type")
    if one.stream.frame is not SSE or (kind is not None and "event-stream" not in kind):
        raise CassetteError(f"{one.request.method} {one.request.uri} answers {kind}, which is not an event stream")
    return one.stream.body, ["request, status, headers, chunk boundaries, times and ending are not in an event stream"]


def _scenario(interactions: Sequence[Interaction]) -> tuple[bytes, list[str]]:
    lost = [
        f"{one.request.method} {one.request.uri}: its body is not JSON, so its route answers any body"
        for one in interactions
        if one.request.body and _json(one) is None
    ]
    document = write(Scenario(tuple(map(_route, interactions))))
    return dump_document(document).encode(), lost


def _route(one: Interaction) -> Route:
    if one.status is None:
        raise CassetteError(f"{one.request.method} {one.request.uri} got no response, which a scenario cannot say")
    body = _json(one)
    when = {"json": body} if isinstance(body, dict) and body else None
    return Route(one.request.method, one.request.path, (_reply(one),), when)


def _json(one: Interaction) -> Any:
    return Request("", "", body=one.request.body).json


def _reply(one: Interaction) -> Reply:
    """Return the reply as data: a stream chunk by chunk, any other body as it is."""
    stream = one.stream
    headers = tuple(pair for pair in one.headers if pair[0].lower() not in ("content-length", "transfer-encoding"))
    if len(stream.chunks) <= 1 and stream.ending.value == "eof":
        return Reply(_plain(stream.body), status=one.status or 200, headers=headers, head=one.head)
    plain = Stream(stream.chunks, stream.ending, stream.framing, announced=stream.announced)
    return Reply(Whole(plain), status=one.status or 200, headers=headers, default_headers=False, head=one.head)


def _plain(body: bytes) -> Plain:
    try:
        return Plain(text=body.decode()) if body else Plain()
    except UnicodeDecodeError:
        return Plain(data=body)


_WRITERS = {"cassette": _cassette, "har": _har, "sse": _sse, "scenario": _scenario}


def chosen(source: OtherRecording, number: int | None) -> OtherRecording:
    """Return the source with one of its interactions alone, from 1. Raises ``CassetteError`` if it has no such one."""
    if number is None:
        return source
    if not 1 <= number <= len(source.interactions):
        raise CassetteError(f"there is no interaction {number}: there {_are(len(source.interactions))}")
    return replace(source, interactions=(source.interactions[number - 1],))


def _are(number: int) -> str:
    return f"{'is' if number == 1 else 'are'} {count(number, 'interaction')}"
