"""The reason of a fail in one sentence.

Three kinds of reasons are kept apart. ``seen_in``: what a run shows by itself. ``declared_by``: the cause that a case
declares, which is reported only after a trial has shown it (``running.diagnosis``). ``told_by``: what the client did,
without a cause; it is reported where neither is known.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Literal

from orharness.contract.catalogue.case import Case
from orharness.contract.driving.subject import ClientError, NotText
from orharness.contract.judging.heard import Heard
from orharness.frames import NDJSON, SSE
from orharness.parts import TITLES, differs, folded
from orharness.verdict import count, shorten, spelled

_LONGEST = 120  # characters of an error or a text inside a reason
_FORMS: Final[tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...]] = ("NFC", "NFD", "NFKC", "NFKD")
_MOST_CHARACTERS = 5  # of those that are named in a reason
_ON_A_PLAIN_ANSWER = "it fails on a plain answer: "
DECODED = "bytes are decoded chunk by chunk: a character that a boundary cuts cannot be decoded"
_LOST = "bytes are decoded chunk by chunk: a character that a boundary cuts is lost"
CUT_CRLF = "a CRLF that a boundary cuts is taken for two line ends, or none: the LF that comes next belongs to its CR"
_CUT_EVENT = "text is lost or changed: an event that a boundary cuts is dropped or read in pieces"
_IN_PIECES = "a part of an event is given to the JSON parser: it ends at {}, not where the bytes read end"
_CUT_BETWEEN = "a boundary between two events changes what is read"
_LINE_END_TOO_MANY = "one line end too many after the text: a command writes the text to its stdout and nothing else"
NO_JSON = "something that is not JSON is given to the JSON parser"
_OTHER_LOOP = "it keeps a connection or a lock of another event loop than that in which all runs of an async client are"
_NO_LOOP = "it is called before its event loop runs: what needs one, make it inside an async function"
LEFT_OVERS = (
    "it keeps what an earlier stream left: after a plain answer it holds, and after a stream like this one it fails"
)
SENT_SPECIALLY = "it does not take the response as it is sent: with the usual head, framing and times it holds"
HELD_OR_LOST = (
    "not all that had come was handed over, while the first text of a long answer is at once: it is held, or lost"
)
JOINED = "of the events that come in one read some are lost: each of them ends at its own empty line"
ERROR_AT_THE_END = "the error in the stream is shown only when the connection ends, and not when it comes"
HELD_BY_A_PART = "what has come is handed over only when the next event, of which a part has come, is whole"
UNPACKED_LATE = "what comes compressed is unpacked only at its end: the text of an answer that is not comes at once"
UNTIL_FULL = "what has come is not handed over before the connection ends: it reads whole blocks, or all of the body"


# -- what a run shows by itself ------------------------------------------------------------------------------------


def reason_of(case: Case, heard: Heard, requests: int) -> str:
    """Return what one run shows, without a cause that it does not show. ``requests``: how many it has sent."""
    if not heard.ended:
        return _waits(case, heard, requests)
    said = seen_in(case, heard) or told_by(case, heard)
    return f"{_ON_A_PLAIN_ANSWER}{said}" if case.plain else said


def _waits(case: Case, heard: Heard, requests: int) -> str:
    if case.plain:
        return f"{_ON_A_PLAIN_ANSWER}it still waits when the response is over"
    if requests > 1:
        return f"it is still asking again: {count(requests, 'request')}, and no end"
    return "it still waits when everything was sent"


def seen_in(case: Case, heard: Heard) -> str | None:
    """Return the reason of a run that has ended if what it did shows it; ``None`` if a trial is needed to know more."""
    expected, got, error = case.expected.text or "", heard.text, heard.error
    if isinstance(error, NotText):
        return str(error)
    if error is not None and not case.expected.error:
        if (of_loops := reason_of_loops(error)) is not None:
            return of_loops
        return _timed_out(heard) if is_timeout(error) else None
    with suppress(UnicodeError):
        if got != expected and got == expected.encode().decode("latin-1"):
            return "UTF-8 is read as Latin-1: the content type names no charset, and an event stream is always UTF-8"
    if case.expected.error:
        return _not_reported(case, heard, expected) or rewritten(expected, got)
    if got == f"{expected}\n":
        return _LINE_END_TOO_MANY
    if case.has_end(got) and not case.has_end(expected):
        return f"{case.end} is taken for text"
    if got != expected and _without_escapes(got) == expected:
        return "JSON escapes are left in the text as they are: a JSON parser takes them away"
    return rewritten(expected, got)


def rewritten(expected: str, got: str) -> str | None:
    """Return how the text was changed throughout, if it was by one of the common ways."""
    if got == expected:
        return None
    if len(got) < len(expected) and got.replace(" ", "") == expected.replace(" ", ""):
        return "blanks at the ends of a token are cut off: they are part of the text"
    if got == html.unescape(expected):
        return "references of HTML in the text are replaced, `&amp;` by `&`: the text of an answer is not HTML"
    if got in (html.escape(expected), html.escape(expected, quote=False)):
        return "the text is escaped for HTML, `&` becomes `&amp;`: that is for the page which shows it"
    for form in _FORMS:
        if got == unicodedata.normalize(form, expected):
            return f"the text is changed to the normal form {form} of Unicode: it is to stay as it was sent"
    return None


def _not_reported(case: Case, heard: Heard, expected: str) -> str | None:
    if heard.error is None and heard.text.startswith(expected) and _is_told_as_text(case, heard.text, expected):
        told = shorten(repr(heard.text.removeprefix(expected)), _LONGEST)
        return f"what went wrong is handed over as text of the answer: {told}"
    if heard.error is None:
        return case.cause or "the error is swallowed: the answer looks complete"
    if expected != heard.text and expected.startswith(heard.text):
        return "what had come before the error is thrown away: the text that was read is to be kept"
    return None


def _is_told_as_text(case: Case, text: str, expected: str) -> bool:
    """Return whether a text has something that was not sent as text, and is not the answer repeated."""
    more = text.removeprefix(expected)
    if not more or (expected and not more.replace(expected, "")):
        return False
    stream = case.reply().answer(case.dialect.example_request).stream
    if case.dialect.fold(stream.frame.decode(stream.body)).text.endswith(more):
        return False
    # A chunk that is not to be read has text, too, maybe over several lines. The words of an error are its message.
    value = re.escape(json.dumps(more, ensure_ascii=False).encode())
    sent = re.finditer(rb'"(\w+)": ?' + value, re.sub(rb"[\r\n]+(?:data: ?)?", b"", stream.body))
    return all(found[1] == b"message" for found in sent)


def _without_escapes(text: str) -> str | None:
    """Return what a JSON parser makes of the inside of a string; ``None`` if it is not one."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return None


def _timed_out(heard: Heard) -> str:
    after = f"it timed out {heard.took:.1f} s after its request"
    return f"{after}, and the stream was never silent for longer than {max(heard.silence, 0.1):.1f} s"


def told_by(case: Case, heard: Heard) -> str:
    """Return what a run did that has ended, without a cause."""
    expected, got, error = case.expected.text or "", heard.text, heard.error
    if error is None and got == expected and (case.expected.parts or case.expected.unsaid):
        return _of_parts(case, heard)
    if error is None:
        lost = "characters outside ASCII are lost: " if got != expected and _lost_only(case, heard) else ""
        return f"{lost}its text is {shorten(repr(got), _LONGEST)}"
    when = " when the text was whole" if got and got == expected else ""
    said = shorten(" ".join(spelled(error).split()), _LONGEST)
    if isinstance(error, ClientError):
        return f"it ended with an error{when}: {said}"
    return f"it raised {said}{when}"


def _of_parts(case: Case, heard: Heard) -> str:
    """Return what a run reported of the first kind of parts that differs from what was sent."""
    wanted, got = folded(case.expected.parts), folded(heard.parts)
    wrong = [kind for kind, value in wanted.items() if kind not in got or differs(kind, value, got[kind])]
    kind = next(iter(wrong), None) or next(one for one in case.expected.unsaid if one in got)
    if kind not in got:
        return f"it says nothing of {TITLES.get(kind, kind)}"
    sent = "and none was sent" if kind in case.expected.unsaid else "which is not what was sent"
    return f"of {TITLES.get(kind, kind)} it says {shorten(repr(got[kind]), _LONGEST)}, {sent}"


def reason_of_loops(error: BaseException | None) -> str | None:
    """Return the reason of an error about event loops: asyncio raises RuntimeError for all of them, so words decide."""
    words = str(error).lower() if isinstance(error, RuntimeError) else ""
    if "no running event loop" in words or "no current event loop" in words:
        return _NO_LOOP
    return _OTHER_LOOP if "event loop" in words or "different loop" in words else None


# -- kinds of errors: of another process, in whatever language, by their words ---------------------------------------

_BAD_BYTES = re.compile(r"UnicodeDecodeError|ENCODING_INVALID|not valid for encoding|malformed utf", re.IGNORECASE)
_TIME_OUT = re.compile(r"time[d ]*out", re.IGNORECASE)
_BAD_JSON = re.compile(
    r"JSONDecode|JSON\.parse|SyntaxError|(in|valid|parse|decode|of) JSON|JSON (input|at position)|json: |"
    r"Expecting (value|property|',')|Unterminated string|unexpected (token|character|end of)|"
    r"invalid character '",
    re.IGNORECASE,
)


def _words_of(error: BaseException) -> str:
    return str(error) if isinstance(error, ClientError) else f"{type(error).__name__}: {error}"


def is_timeout(error: BaseException) -> bool:
    """Return whether an error says that the client did not want to wait any longer."""
    return isinstance(error, asyncio.TimeoutError) or _TIME_OUT.search(_words_of(error)) is not None


def is_of_bytes(error: BaseException) -> bool:
    """Return whether an error says that bytes cannot be decoded."""
    return isinstance(error, UnicodeDecodeError) or _BAD_BYTES.search(_words_of(error)) is not None


def is_of_json(error: BaseException) -> bool:
    """Return whether an error is that of a JSON parser. A check of the client's own raises a ValueError, too."""
    return _BAD_JSON.search(_words_of(error)) is not None


# -- causes, which a trial has to show -------------------------------------------------------------------------------


def declared_by(case: Case, heard: Heard) -> str | None:
    """Return the cause that the case declares for a run of this kind, if it declares one."""
    if heard.error is not None and not case.expected.error:
        if is_of_json(heard.error):
            return case.broken_json or case.cause
        return case.raises or case.cause
    return None if case.expected.error else case.cause


def shown(case: Case, heard: Heard, cause: str) -> str:
    """Return a cause that a trial has shown; after the error where a check of the client's own raised it."""
    error = heard.error
    its_own = isinstance(error, ValueError) and not isinstance(error, UnicodeError) and not is_of_json(error)
    return f"{told_by(case, heard)}: {cause}" if its_own and cause != case.raises else cause


def reason_of_cuts(
    case: Case,
    heard: Heard,
    body: bytes,
    cuts: Sequence[int],
    between: Sequence[int],
    *,
    loses: Callable[[], bool],
    of_crlf: Callable[[], bool],
) -> str:
    """Return the reason of a fail that is gone without the cuts. ``between``: the offsets between two events.

    ``loses``, a trial: whether the client loses a part of a plain answer, too, if boundaries cut it: then that is
    the cause, and what this stream has beside it is not. ``of_crlf``: whether no CRLF needs to be cut for it to hold.
    """
    error = heard.error
    inside = [at for at in cuts if body[at] & 0xC0 == 0x80]
    if error is not None and is_of_bytes(error):
        return DECODED
    if error is None and inside and ("\ufffd" in heard.text or _lost_only(case, heard)):
        return _LOST
    if set(cuts) <= set(between):
        return _CUT_BETWEEN if error is None else _only_where_cut(case, heard)
    if loses():
        return of_pieces(case, heard)
    if any(body[at - 1 : at + 1] == b"\r\n" for at in cuts) and of_crlf():
        return CUT_CRLF
    if error is not None and is_of_json(error):
        return case.broken_json or NO_JSON
    if case.family == "boundaries" and case.cause is not None:
        return case.cause
    return of_pieces(case, heard)


def of_pieces(case: Case, heard: Heard) -> str:
    """Return the reason of a fail that is there only where events are cut."""
    if heard.error is None:
        return _CUT_EVENT
    return _IN_PIECES.format(_its_end(case)) if is_of_json(heard.error) else _only_where_cut(case, heard)


def _its_end(case: Case) -> str:
    """Return what ends an event."""
    if case.dialect.frame is SSE:
        return "its empty line"
    return "its line end" if case.dialect.frame is NDJSON else "its last brace"


def _only_where_cut(case: Case, heard: Heard) -> str:
    return f"{told_by(case, heard)}; only where boundaries cut the stream"


def unseen_where_cut(case: Case, *, of_crlf: bool) -> str:
    """Return that an event which ends an answer is obeyed where no boundary cuts it. ``of_crlf``: only a CRLF of it."""
    if of_crlf:
        return f"{case.end} is not taken for the end: {CUT_CRLF}"
    return f"{case.end} is not seen where a boundary cuts it: an event ends at {_its_end(case)}, not where a read ends"


def lost_characters(expected: str, got: str) -> str:
    """Return the characters of a text of which another text has none, in order."""
    return "".join(sorted({one for one in expected if one not in got}))


def of_characters(expected: str, got: str) -> str | None:
    """Return that some characters are left out of a text, or replaced by another, wherever they are.

    ``None`` for any other change, and where all outside ASCII are left out: that has a name of its own.
    """
    lost = lost_characters(expected, got)
    named = ", ".join(map(ascii, lost[:_MOST_CHARACTERS])) + (", …" if len(lost) > _MOST_CHARACTERS else "")
    if lost and got == "".join(one for one in expected if one not in lost):
        not_ascii = {one for one in expected if not one.isascii()}
        return None if set(lost) == not_ascii else f"characters are left out of the text: {named}"
    others = {new for old, new in zip(expected, got, strict=False) if old in lost}
    if len(others) == 1:
        [other] = others
        if got == "".join(other if one in lost else one for one in expected):
            return f"characters of the text are replaced by {other!a}: {named}"
    return None


def late(tokens: int, total: int, seconds: float) -> str:
    """Return how late the first text came: the seconds, and how many tokens had been written by then."""
    return (
        f"the client yields its text late: the first of it {seconds:.1f} s after its request,"
        f" when {tokens} of {total} tokens had come"
    )


def _lost_only(case: Case, heard: Heard) -> bool:
    """Return whether the text is the expected one but for characters outside ASCII."""
    expected = case.expected.text or ""
    return [one for one in expected if one.isascii()] == [one for one in heard.text if one.isascii()]


def is_part_of(text: str, whole: str) -> bool:
    """Return whether a text is another one from which characters were taken, and to which none was added."""
    rest = iter(whole)
    return all(one in rest for one in text)


def kind_of(heard: Heard) -> tuple[object, ...]:
    """Return what kind of failure a run is: two runs fail alike if their kinds are equal."""
    error = heard.error
    if error is None:
        return heard.ended, None, "\ufffd" in heard.text
    words = re.sub(r"\d+", "", str(error))[:40] if isinstance(error, ClientError) else ""
    return heard.ended, type(error), words
