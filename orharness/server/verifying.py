"""The strict verify of a session, and its account in words: what pytest shows, and a ``DELETE`` over HTTP answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.errors import ClientFailure, OrharnessError, ScenarioError
from orharness.lazy import Deferred
from orharness.server.answering import Answering

if TYPE_CHECKING:
    import orharness.checks as checks
else:
    checks = Deferred("orharness.checks")  # a first request does not wait for its import


def verify(answering: Answering, *, strict: bool) -> None:
    """Raise ``ClientFailure`` for unmatched requests and replies never asked for, if ``strict``, and for what is unmet.

    What broke inside the scenario (a predicate that raised) is raised first, as ``ScenarioError``.
    """
    if answering.broken:
        broken = answering.broken[0]
        said = str(broken) if isinstance(broken, OrharnessError) else repr(broken)
        raise ScenarioError(f"the scenario failed while it answered: {said}") from broken
    exchanges = [live.snapshot() for live in answering.exchanges]
    found = checks.strict_failures(exchanges, never_asked(answering)) if strict else []
    found += unmet_in(answering, strict=strict)
    if found:
        raise ClientFailure("\n".join(found))


def unmet_in(answering: Answering, *, strict: bool) -> list[str]:
    """Return what the routes expect and their calls did not come to, as texts; empty where all was met.

    A route that expects something must be asked; of one that is strict, ``verify`` says that by itself.
    """
    found = []
    for one in answering.mounted:
        expected = one.route.expect
        if expected is None:
            continue
        if not one.calls and not (one.strict and strict):
            found.append(f"{one.route.name}: it expects something of its calls, and no request came")
        texts = [text for live in one.exchanges for text in checks.unmet(expected, live.snapshot())]
        found += [f"{one.route.name} expects otherwise: {text}" for text in texts]
    return found


def never_asked(answering: Answering) -> list[str]:
    """Return the names of the strict routes that no request came to."""
    return [one.route.name for one in answering.mounted if one.strict and not one.calls]


def account(answering: Answering) -> str:
    """Return what was seen so far, in words."""
    lines = [checks.explain_exchange(live.snapshot()) for live in answering.exchanges]
    lines += [f"the scenario failed: {error}" for error in answering.broken]
    return "\n".join([*lines, *(f"never asked for: {name}" for name in never_asked(answering))])


def left_open_in(answering: Answering) -> list[str]:
    """Return a line for each exchange that its client has neither read to the end nor left."""
    return [line for live in answering.exchanges if (line := checks.left_open(live.snapshot())) is not None]
