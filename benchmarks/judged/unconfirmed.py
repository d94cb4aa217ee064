"""Why a fail is not seen on the bare server: what that server does otherwise."""

from __future__ import annotations

from benchmarks.judged.records import UNEXPLAINED, Fail

_LEAVES_IT_OPEN = "closing the client does not close its connection"
_ASKS_AGAIN = "it is still asking again"  # as the report begins


def why_unconfirmed(fail: Fail) -> str:
    """Return the reason, ``?`` where nobody has looked."""
    if fail.bare == "not_judged":
        return "that server plays no case of very many cuts, or of more than one answer"
    if fail.bare == "pass" and fail.reason.startswith(_ASKS_AGAIN):
        return "that server waits for longer, and the last of the requests ends with an error"
    if fail.bare == "pass" and fail.reason.startswith(_LEAVES_IT_OPEN):
        return "that server has the run's task cancelled inside a read; here the iterator is closed between two of them"
    return UNEXPLAINED
