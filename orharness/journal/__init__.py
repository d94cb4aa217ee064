"""The journal: exchange events, the pure machine that applies them, and the snapshot that reports read.

Times are in seconds since the request was read and positions are body offsets in bytes, unless a name says otherwise.
"""

from __future__ import annotations

from orharness.journal.bill import Bill, Counted, Meter, Work
from orharness.journal.certainty import Certainties, Certainty
from orharness.journal.exchange import Boundaries, Exchange, journal_document
from orharness.journal.outcome import Disconnect, How, Outcome, Pacing
from orharness.journal.request import Request

__all__ = [
    "Bill",
    "Boundaries",
    "Certainties",
    "Certainty",
    "Counted",
    "Disconnect",
    "Exchange",
    "How",
    "Meter",
    "Outcome",
    "Pacing",
    "Request",
    "Work",
    "journal_document",
]
