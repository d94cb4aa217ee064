"""Where a stream has the event that ends an answer, and what is said of a client that does not see it."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.features import Feature
from orharness.contract.running.controls import Failed
from orharness.sse import Event

LINE_ENDS = {"crlf": "CRLF", "cr": "CR"}  # by the names of their features


def start_of_end(failed: Failed) -> int:
    """Return the offset of the event that ends the answer."""
    return max((at for at in failed.between if at < (failed.stream.end_marker or 0)), default=0)


def only_the_end_is_missed(failed: Failed) -> bool:
    """Whether a client has all of the text, and fails on how the event that ends the answer is written."""
    has_all = failed.heard.text == failed.case.expected.text
    return failed.case.family == "done" and has_all and failed.stream.end_marker is not None


def name_of_end(failed: Failed) -> str:
    """Return what ends the answer in words: the API's own event, or an error."""
    dialect, body, end = failed.case.dialect, failed.stream.body, failed.stream.end_marker or 0
    last = [one for one in failed.stream.frame.decode(body[start_of_end(failed) : end]) if isinstance(one, Event)]
    is_error = any(dialect.error_of(one) is not None for one in last)
    return "the error event: what comes then is not part of the answer" if is_error else failed.case.end


def unseen_end(case: Case, features: Sequence[Feature]) -> str:
    """Return how the event that ends an answer is written where the client does not see it, and sees a plain one."""
    if [one.name for one in features] == ["spaces"]:
        return f"`data:{case.end}` is not taken for the end: there may be no space after the colon"
    causes = "; and ".join(dict.fromkeys(one.cause for one in features))
    return f"{case.end} is not taken for the end: {causes}"


def unseen_line_end(case: Case, feature: str) -> str:
    """Return that the event which ends an answer is missed for its line end, with which other events are read."""
    return (
        f"{case.end} is not taken for the end where its line ends with {LINE_ENDS[feature]}, though other events are"
        " read there: a line end is not part of the data"
    )
