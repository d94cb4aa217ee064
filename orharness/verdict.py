"""Verdicts and their evidence, as data, and the representation of bytes.

Bytes are shown as Python literals with the boundary marked by ``│``, so that a failure's bytes can be pasted into a
test.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

BOUNDARY = "│"


class Result(StrEnum):
    """The result of a case."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


class Level(StrEnum):
    """How strongly a case is required, in the words of RFC 2119: a failed SHOULD is shown, but fails no client.

    With ``--strict`` (``ClientContract.strict``) it does.
    """

    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True)
class Expected:
    """What a client must make of a stream: the text that it yields (``None`` for any), and whether it shows an error.

    ``error``: ``True`` it must, ``False`` it must not, ``None`` it may. ``parts``: what it must say besides text, as
    the classes of ``orharness.parts``. ``unsaid``: kinds of parts that it must not say, since none was sent.
    """

    text: str | None
    error: bool | None = False
    parts: tuple[Any, ...] = ()
    unsaid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Got:
    """What a client made of a stream: the text that it yielded, and the error that it showed."""

    text: str
    error: str | None = None


@dataclass(frozen=True)
class Evidence:
    """Why a client failed: what it should have made of the bytes, what it made, and the bytes at the boundary.

    ``body`` was sent in chunks that end at ``cuts`` and at its end: the fewest with which the client still fails.
    ``at`` is its most telling offset. ``likely``: the reason is inferred from what the client made of the bytes;
    otherwise it was seen. ``unsent``: the client ended without a request, so no bytes can be the cause; ``mute``: it
    still runs, and has sent none.
    """

    expected: str
    got: str
    reason: str
    excerpt: str = ""
    body: bytes = b""
    cuts: tuple[int, ...] = ()
    at: int = 0
    likely: bool = False
    unsent: bool = False
    mute: bool = False


@dataclass(frozen=True)
class Once:
    """A fail that was seen in one of several ``trials`` and not again, so it does not count. ``reason``: the fail's."""

    trials: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The result of one case. ``boundaries_proven`` of ``boundaries_tried`` were seen to be observed by the client.

    In a pass, that is all of them; chunks that are joined on purpose have no boundary that is tried. ``note``: why it
    is not applicable. ``replay``: the command that runs this case alone; ``serve``: the one that serves the same stream
    to any client. ``known``: the fail is in the user's baseline, so that it does not count. ``strict``: the user asked
    that a SHOULD which fails counts as a MUST does. ``once``: a fail that did not come again.
    """

    case: str
    title: str
    result: Result
    evidence: Evidence | None = None
    boundaries_tried: int = 0
    boundaries_proven: int = 0
    level: Level = Level.MUST
    source: str = ""
    expected: Expected | None = None
    got: Got | None = None
    note: str = ""
    replay: str = ""
    serve: str = ""
    known: bool = False
    strict: bool = False
    once: Once | None = None

    @property
    def family(self) -> str:
        """The part of the id before the slash."""
        return self.case.partition("/")[0]

    @property
    def fails_client(self) -> bool:
        """Whether a MUST does not hold; where the judgement is strict, a SHOULD."""
        return self.result is Result.FAIL and (self.strict or self.level is Level.MUST)

    @property
    def counts(self) -> bool:
        """Whether it counts as a fail: a failed SHOULD does only if it is strict, and a fail that is known does not."""
        return self.fails_client and not self.known


def counted(verdicts: Iterable[Verdict], *, strict: bool) -> tuple[Verdict, ...]:
    """Return the verdicts as they count: where it is ``strict``, a SHOULD as a MUST."""
    return tuple(replace(one, strict=strict) for one in verdicts)


@dataclass(frozen=True)
class Made:
    """How a judgement was made: the version of this package, when (ISO 8601, UTC), on what, and in how many seconds."""

    version: str
    date: str
    platform: str
    seconds: float


@dataclass(frozen=True)
class Judgement:
    """All verdicts on one client: the contents of a report.

    ``client``: what was judged, for a relay its address. ``profile`` and ``seed``: ``None`` if there is none.
    ``command``: the command that judged. ``made``: by which version, when and where, ``None`` where that was not noted.
    ``unjudged``: how many more cases were to be judged when it was stopped.
    """

    client: str
    profile: str | None
    seed: int | None
    verdicts: tuple[Verdict, ...]
    command: str = "check"
    made: Made | None = None
    unjudged: int = 0

    def number(self, result: Result) -> int:
        """Return how many verdicts have that result."""
        return sum(verdict.result is result for verdict in self.verdicts)

    @property
    def ok(self) -> bool:
        """Whether no MUST failed."""
        return not any(verdict.counts for verdict in self.verdicts)


def quote(data: bytes) -> str:
    """Return the bytes as the inside of a Python bytes literal; printable UTF-8 text is kept readable.

    A backslash is doubled: the ``\\n`` in JSON is two bytes and not a line end.
    """
    return "".join(map(_quoted, data.decode("utf-8", "surrogateescape")))


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}  # no \0: a digit after it would join it


def _quoted(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def excerpt(data: bytes, at: int, *, around: int = 32) -> str:
    """Return the bytes around an offset, with the boundary marked: ``…{"content":"Gr\\xc3│\\xbc…``."""
    before, after = data[max(0, at - around) : at], data[at : at + around]
    left = "…" if at > around else ""
    right = "…" if at + around < len(data) else ""
    return f"{left}{quote(before)}{BOUNDARY}{quote(after)}{right}"


def count(number: int, one: str, more: str | None = None) -> str:
    """Return a number and its noun: ``1 chunk``, ``1,200 chunks``."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def did_you_mean(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return a hint with the known name nearest to each unknown one (`` (did you mean 'a' or 'b'?)``), or empty."""
    names = sorted(known)
    near = dict.fromkeys(name for one in unknown for name in difflib.get_close_matches(str(one), names, n=1))
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def with_parts(ids: Iterable[str]) -> set[str]:
    """Return the ids, and for each the part after its slash, which also names the case."""
    return {name for one in ids for name in (one, one.partition("/")[2]) if name}


_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def spelled(value: object) -> str:
    """Return the ``repr`` of a value without addresses: they say nothing, and are others in each run."""
    return _ADDRESS.sub("", repr(value))


def shorten(text: str, length: int = 60) -> str:
    """Return the text; if it is longer than ``length``, without its middle, since both ends tell texts apart."""
    if len(text) <= length:
        return text
    half = (length - 3) // 2
    return f"{text[:half]} … {text[len(text) - half :]}"


def aligned(rows: Sequence[tuple[str, str]], indent: str = "  ") -> str:
    """Return rows of a name and a value, with the values aligned; continuation lines are indented alike."""
    width = max((len(name) for name, _ in rows), default=0)
    pad = "\n" + indent + " " * (width + 2)
    return "\n".join(f"{indent}{name:<{width}}  {value.replace(chr(10), pad)}" for name, value in rows)
