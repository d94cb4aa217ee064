"""errors: what went wrong is visible, what had come is kept, and the request is not silently sent again."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import CHAT, delta, fails, stream
from orharness.stream import Ending

CASES: tuple[Case, ...] = (
    Case(
        "errors/cut-off-between-events",
        "The connection ends (FIN) between two events, before the response does.",
        CHAT,
        stream(delta("Hello"), delta(" world"), ending=Ending.ABORT),
        fails("Hello world"),
        cause="the connection broke off, and the answer looks complete",
    ),
)
