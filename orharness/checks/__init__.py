"""Pure verdicts on exchanges, in words: what was seen, what was expected, what leaked, and the usual cause."""

from orharness.checks.aftermath import Aftermath
from orharness.checks.expected import decided_within, strict_failures, unmet
from orharness.checks.leaving import disconnect_failure, nobody_asked, nobody_failure, none_held
from orharness.checks.upstream import leak_failure, upstream_failure
from orharness.checks.words import (
    EVENTS_FOR_TOKENS,
    cannot_be_known,
    describe,
    events_unsent,
    explain_exchange,
    how_sure,
    left_open,
    progress,
    state,
)

__all__ = [
    "EVENTS_FOR_TOKENS",
    "Aftermath",
    "cannot_be_known",
    "decided_within",
    "describe",
    "disconnect_failure",
    "events_unsent",
    "explain_exchange",
    "how_sure",
    "leak_failure",
    "left_open",
    "nobody_asked",
    "nobody_failure",
    "none_held",
    "progress",
    "state",
    "strict_failures",
    "unmet",
    "upstream_failure",
]
