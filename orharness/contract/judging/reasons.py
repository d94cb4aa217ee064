"""The likely reason of a fail in one sentence, by what the client yielded and raised."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from orharness.contract.catalogue.case import Case
from orharness.contract.driving.subject import ClientError, NotText
from orharness.contract.judging.heard import Heard
from orharness.verdict import shorten

_LONGEST_REASON = 120  # characters of an error or a text inside a reason
_ON_A_PLAIN_ANSWER = "it fails on a plain answer: "


def still_waits(case: Case, body: bytes) -> str:
    """Return the likely reason why a client still waits when all of the body was sent."""
    if case.plain:
        return f"{_ON_A_PLAIN_ANSWER}it still waits when the response is over"
    if case.expected.error:
        return case.cause or "it does not see that the answer is over"
    if f"data:{case.end}".encode() in body:
        return f"`data:{case.end}` is not taken for the end: there may be no space after the colon"
    return f"{case.end} is not obeyed: the loop around the lines goes on reading"


def reason_of_run(case: Case, heard: Heard) -> str:
    """Return the likely cause in one sentence, judged by the text."""
    if case.plain:
        return f"{_ON_A_PLAIN_ANSWER}{_seen_on_a_plain_answer(case, heard)}"
    if case.expected.error and heard.error is None:
        return case.cause or "the error is swallowed: the answer looks complete"
    if heard.error is not None and not case.expected.error:
        return _reason_of(case, heard, heard.error)
    return _reason_of_text(case, heard.text)


def _reason_of_text(case: Case, got: str) -> str:
    expected = case.expected.text or ""
    with suppress(UnicodeError):
        if got == expected.encode().decode("latin-1"):
            return "UTF-8 is read as Latin-1: the content type names no charset, and an event stream is always UTF-8"
    if "\ufffd" in got and "\ufffd" not in expected:
        return "bytes are decoded chunk by chunk: a character that a boundary cuts is lost"
    if case.cause is not None and not case.expected.error:  # that of an error is why it is not seen
        return case.cause
    if got == f"{expected}\n":
        return _LINE_END_TOO_MANY
    if got.startswith(expected) and not case.expected.error:
        return _end_is_text(case) if case.has_end(got[len(expected) :]) else f"it goes on after {case.end}"
    if "PROCESSING" in got:
        return "a comment is taken for text"
    if expected.startswith(got):
        if case.expected.error:
            return "what had come before the error is thrown away: the text that was read is to be kept"
        return "the end of the text is missing: an event that a boundary cuts is dropped, or it stopped too early"
    return "text is lost or changed: an event that a boundary cuts is dropped or read in pieces"


def _seen_on_a_plain_answer(case: Case, heard: Heard) -> str:
    """Return what the client did. No cause is guessed: nothing in a plain answer could be one."""
    expected, got, error = case.expected.text or "", heard.text, heard.error
    if isinstance(error, NotText):
        return str(error)
    if error is not None:
        when = " when the text was whole" if got == expected else ""
        said = shorten(" ".join(repr(error).split()), _LONGEST_REASON)
        if isinstance(error, ClientError):
            return f"it ended with an error{when}: {said}"
        return reason_of_loops(error) or f"it raised {said}{when}"
    if got == f"{expected}\n":
        return _LINE_END_TOO_MANY
    if case.has_end(got):
        return _end_is_text(case)
    return f"its text is {shorten(repr(got), _LONGEST_REASON)}"


_DECODED = "bytes are decoded chunk by chunk: a character that a boundary cuts cannot be decoded"
_LINE_END_TOO_MANY = "one line end too many after the text: a command writes the text to its stdout and nothing else"
_NO_JSON = "something that is no JSON is given to the JSON parser"
_AT_THE_END = "it raised when the text was whole: at the last chunk, whose delta has no content, or after it"
_OTHER_LOOP = "it keeps a connection or a lock of another event loop than that in which all runs of an async client are"
_NO_LOOP = "it is called before its event loop runs: what needs one, make it inside an async function"


def _reason_of(case: Case, heard: Heard, error: BaseException) -> str:
    match error:
        case NotText():
            return str(error)
        case ClientError():
            return _reason_of_words(case, str(error))
        case UnicodeDecodeError() if case.family != "framing":  # whose boundaries cut no character
            return _DECODED
        case _ if (slip := case.dialect.slip_of(error)) is not None:
            return slip
        case ValueError():
            return case.broken_json or _NO_JSON
        case RuntimeError() if reason := reason_of_loops(error):
            return reason
        case asyncio.TimeoutError():
            return "it timed out"
    if heard.text and heard.text == case.expected.text:
        return _AT_THE_END
    return case.cause or "it raised"


def reason_of_loops(error: BaseException | None) -> str | None:
    """Return the reason of an error about event loops: asyncio raises RuntimeError for all of them, so words decide."""
    words = str(error).lower() if isinstance(error, RuntimeError) else ""
    if "no running event loop" in words or "no current event loop" in words:
        return _NO_LOOP
    return _OTHER_LOOP if "event loop" in words or "different loop" in words else None


def _end_is_text(case: Case) -> str:
    return f"{case.end} is taken for text"


_BAD_BYTES = re.compile(r"UnicodeDecodeError|ENCODING_INVALID|not valid for encoding|malformed utf", re.IGNORECASE)
_TIME_OUT = re.compile(r"time[d ]*out", re.IGNORECASE)
_BAD_JSON = re.compile(r"JSON|SyntaxError", re.IGNORECASE)


def _reason_of_words(case: Case, message: str) -> str:
    """Return the same for an error of a client in another process, in whatever language: by its words."""
    if _BAD_BYTES.search(message):
        return _DECODED
    if (slip := case.dialect.slip_of(message)) is not None:
        return slip
    if _TIME_OUT.search(message):
        return "it timed out"
    if _BAD_JSON.search(message):
        return case.broken_json or _NO_JSON
    return case.cause or "it ended with an error"
