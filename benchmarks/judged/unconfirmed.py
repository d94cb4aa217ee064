"""Why a fail is not seen on the bare server: what that server does not do, by the case."""

from __future__ import annotations

from benchmarks.judged.records import Fail

_REASONS: dict[str, str] = {}


def why_unconfirmed(case: str, fail: Fail) -> str:
    """Return the reason, ``?`` where nobody has looked."""
    if fail.bare == "not_judged":
        return "that server plays no case of very many cuts, or of more than one answer"
    return _REASONS.get(case, "?")
