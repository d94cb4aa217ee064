"""The YAML of an interaction whose body is too large to be held in memory, made piece by piece.

An interaction with a short body in place of the large one is written like any other; then what depends on the body is
replaced in that text. So the layout of everything else has one home. A body that is text without odd characters becomes
a literal block, as in a small interaction; other text becomes a quoted scalar, and bytes that are not UTF-8 become
``!!binary``.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import uuid4

from orharness.cassette.codec import for_vcrpy
from orharness.cassette.damage import SEAL, digested_text, order_of
from orharness.cassette.files import clean_data
from orharness.cassette.foreign import as_vcrpy_takes_it
from orharness.cassette.interaction import Interaction
from orharness.cassette.serializer import Serializer
from orharness.stream import Chunk

_NOT_IN_A_BLOCK = re.compile("[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010fffd]| \n")
_ESCAPED = re.compile('\n( ?)|["\\\\]|[^ -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010fffd]')
_ROWS = 6  # chunks on a line: about 120 characters
_BINARY = 57  # bytes on a line of base64, as in PyYAML


@dataclass(frozen=True)
class LargeBody:
    """The body of a response, by its chunks.

    ``delays``: of each chunk, in seconds. ``pieces``: a function that returns the bytes of the body in order, each
    piece with the number of its chunk (from 0); it is called several times.
    """

    delays: Sequence[float]
    pieces: Callable[[], Iterable[tuple[int, bytes]]]


def large_yaml(interaction: Interaction, body: LargeBody) -> Iterator[bytes]:
    """Yield the YAML of a cassette with this one interaction, whose stream has no chunks, with ``body`` as its body.

    Raises ``CassetteError`` for an interaction that no cassette can hold.
    """
    seen = _Seen(len(body.delays))
    for number, data in body.pieces():
        seen.add(number, data)
    seen.finish()
    rows = _Rows(body.delays, seen.sizes)
    if not seen.size:
        yield clean_data(for_vcrpy([interaction]), Serializer())
        return
    short = uuid4().hex.encode()
    stream = replace(interaction.stream, chunks=(Chunk(short),))
    text = clean_data(for_vcrpy([replace(interaction, stream=stream)]), Serializer()).decode()
    seal = _checksum(text, short, seen.digest.hexdigest(), rows)
    before_body, body_line, rest = _split(text, rf"\n( *)string: {short.decode()}\n")
    before_chunks, chunks_line, rest = _split(rest, rf"\n( *)chunks: \[\[0\.0, {len(short)}\]\]\n")
    between, seal_line, after = _split(rest, rf"\n( *){SEAL}: '?([0-9a-f]{{64}})'?\n")
    yield f"{before_body}\n{body_line[1]}string: ".encode()
    yield from _scalar(body.pieces, seen, f"{body_line[1]}  ")
    yield f"\n{before_chunks}\n{chunks_line[1]}chunks: [".encode()
    yield from rows.yaml(f"{chunks_line[1]}  ")
    yield f"]\n{between}\n{seal_line[1]}{SEAL}: {_quoted_if_a_number(seal)}\n".encode()
    yield after.replace(order_of([seal_line[2]]), order_of([seal])).encode()


def _split(text: str, pattern: str) -> tuple[str, re.Match[str], str]:
    found = re.search(pattern, text)
    assert found is not None, "the serializer wrote the line"
    return text[: found.start()], found, text[found.end() :]


def _quoted_if_a_number(checksum: str) -> str:
    """Return it in quotes where YAML would take it for a number."""
    return checksum if re.search("[a-df]", checksum) else f"'{checksum}'"


def _checksum(text: str, short: bytes, body: str, rows: _Rows) -> str:
    """Return the checksum, made of that which the short body has. ``body``: the SHA-256 of the large one."""
    written = Serializer().read(text)["interactions"].items()[0]
    digested = digested_text(as_vcrpy_takes_it(written)).replace(hashlib.sha256(short).hexdigest(), body)
    before, _, after = digested.partition(f'"chunks": [[0.0, {len(short)}]]')
    found = hashlib.sha256(before.encode() + b'"chunks": [')
    for row in rows.json():
        found.update(row)
    found.update(b"]" + after.encode())
    return found.hexdigest()


class _Seen:
    """What the first reading of a body finds out."""

    def __init__(self, chunks: int) -> None:
        self.sizes = array("q", bytes(8 * chunks))
        self.size = 0
        self.digest = hashlib.sha256()
        self.is_text = True
        self.fits_a_block = True
        self.end = ""  # the last two characters
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, number: int, data: bytes) -> None:
        """Take the next piece."""
        self.sizes[number] += len(data)
        self.digest.update(data)
        if self.is_text:
            self._look(data, final=False)
        self.size += len(data)

    def finish(self) -> None:
        """Take that there is no more."""
        if self.is_text:
            self._look(b"", final=True)
        self.fits_a_block = self.fits_a_block and self.is_text and self.end[-1:] != " "

    def _look(self, data: bytes, *, final: bool) -> None:
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError:
            self.is_text = False
            return
        if self.fits_a_block and text:
            # PyYAML writes a block that begins with a blank with an indicator, which is not worth its while here.
            begins_odd = not self.end and text[0] in " \n"
            self.fits_a_block = not begins_odd and _NOT_IN_A_BLOCK.search(self.end[-1:] + text) is None
        self.end = (self.end + text)[-2:]


class _Rows:
    """The delay and the size of each chunk that has bytes; the delay of one without goes to the next."""

    def __init__(self, delays: Sequence[float], sizes: Sequence[int]) -> None:
        self._delays, self._sizes = delays, sizes

    def _filled(self) -> Iterator[tuple[float, int]]:
        waited = 0.0
        for delay, size in zip(self._delays, self._sizes, strict=True):
            waited = round(waited + delay, 6)
            if size:
                yield waited, size
                waited = 0.0

    def json(self) -> Iterator[bytes]:
        """Yield the rows as ``json.dumps`` writes them in a list."""
        for number, (delay, size) in enumerate(self._filled()):
            yield f"{', ' if number else ''}[{delay!r}, {size}]".encode()

    def yaml(self, indent: str) -> Iterator[bytes]:
        """Yield the rows as the items of a flow sequence, several on a line."""
        for number, (delay, size) in enumerate(self._filled()):
            before = f",\n{indent}" if number % _ROWS == 0 else ", "
            # YAML 1.1 takes 1e-06 for text.
            seconds = repr(delay) if "e" not in repr(delay) else f"{delay:.6f}"
            yield f"{before if number else ''}[{seconds}, {size}]".encode()


def _scalar(pieces: Callable[[], Iterable[tuple[int, bytes]]], seen: _Seen, indent: str) -> Iterator[bytes]:
    """Yield the body as a YAML scalar up to the end of its last line, without the line end."""
    data = (piece for _, piece in pieces())
    if not seen.is_text:
        return _binary(data, indent)
    return _block(data, seen.end, indent) if seen.fits_a_block else _quoted(data, indent)


def _texts(data: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    return (text for piece in data if (text := decoder.decode(piece)))


def _block(data: Iterable[bytes], end: str, indent: str) -> Iterator[bytes]:
    """Yield a literal block (YAML 1.2, section 8.1.2)."""
    yield b"|%b" % (b"+" if end == "\n\n" else b"" if end.endswith("\n") else b"-")
    line_end = "\n"  # what is to be written before the next character of the body
    for text in _texts(data):
        lines = text.split("\n")
        for number, line in enumerate(lines):
            if number:
                line_end += "\n"
            if line:
                yield (f"{line_end}{indent}" if line_end else "").encode() + line.encode()
                line_end = ""
    yield line_end.removesuffix("\n").encode()  # the caller's line end is the last one


def _quoted(data: Iterable[bytes], indent: str) -> Iterator[bytes]:
    """Yield a double-quoted scalar, with a line for each line of the body (YAML 1.2, section 7.3.1)."""

    def escaped(found: re.Match[str]) -> str:
        one = found[0]
        if one[0] == "\n":  # the indentation of a continuation line does not count, but for an escaped blank
            return f"\\n\\\n{indent}" + ("\\ " if found[1] else "")
        if one in '"\\':
            return f"\\{one}"
        return (
            f"\\x{ord(one):02x}"
            if ord(one) < 256
            else f"\\u{ord(one):04x}"
            if ord(one) < 2**16
            else f"\\U{ord(one):08x}"
        )

    yield b'"'
    held = ""  # a line end that was last: what follows may be a blank
    for text in _texts(data):
        text, held = held + text, ""
        if text.endswith("\n"):
            text, held = text[:-1], "\n"
        yield _ESCAPED.sub(escaped, text).encode()
    yield _ESCAPED.sub(escaped, held).encode() + b'"'


def _binary(data: Iterable[bytes], indent: str) -> Iterator[bytes]:
    """Yield base64 with its tag, in lines as PyYAML writes them."""
    yield b"!!binary |"
    held = b""
    for piece in data:
        held += piece
        whole = len(held) - len(held) % _BINARY
        for at, after in pairwise(range(0, whole + 1, _BINARY)):
            yield f"\n{indent}".encode() + base64.b64encode(held[at:after])
        held = held[whole:]
    if held:
        yield f"\n{indent}".encode() + base64.b64encode(held)
