"""Strict verification of a session: the text that pytest shows and that ``DELETE`` over HTTP returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orharness.errors import ClientFailure, OrharnessError, ScenarioError
from orharness.journal import Outcome
from orharness.lazy import Deferred
from orharness.server.answering import Answering
from orharness.server.exchange import LiveExchange
from orharness.server.mounts import Mounted

if TYPE_CHECKING:
    import orharness.checks as checks
else:
    checks = Deferred("orharness.checks")  # a first request does not wait for its import


def verify(answering: Answering, *, strict: bool) -> None:
    """Raise ``ClientFailure`` for unmatched requests and unrequested replies (if ``strict``) and unmet expectations.

    An error inside the scenario, such as a predicate that raised, is raised first, as ``ScenarioError``.
    """
    _raise_broken(answering)
    exchanges = [live.snapshot() for live in answering.exchanges if live.machine.outcome is Outcome.UNMATCHED]
    found = checks.strict_failures(exchanges, never_asked(answering)) if strict else []
    found += unmet_in(answering, strict=strict)
    if found:
        raise ClientFailure("\n".join(found))


def _raise_broken(answering: Answering) -> None:
    if answering.broken:
        broken = answering.broken[0]
        said = str(broken) if isinstance(broken, OrharnessError) else repr(broken)
        raise ScenarioError(f"the scenario failed while it answered: {said}") from broken


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong at the end of a session.

    ``kind``: ``requests``, ``routes``, ``expectations``, ``connections`` or ``upstream``. ``subject``: the route or the
    exchange. ``text``: what was seen.
    """

    kind: str
    subject: str
    text: str
    session: str


@dataclass(frozen=True)
class Verified:
    """A session at its end. ``routes``: the names of those that a request could come to, by their ids."""

    session: str
    routes: dict[str, str]
    findings: tuple[Finding, ...]
    account: str


def judge(answering: Answering, session: str, *, strict: bool, left_open: Sequence[str]) -> Verified:
    """Return all that is wrong: what ``verify`` fails for, the connections left open, and the tokens that leaked.

    ``left_open``: as of ``left_open_in``, from before the end of the exchanges. Raises ``ScenarioError`` for what broke
    inside the scenario.
    """
    _raise_broken(answering)
    found = []
    for one in answering.mounted:
        if strict and one.strict and not one.calls:
            found.append(Finding("routes", one.id, f"a reply that was never asked for: {one.route.name}", session))
        found += [Finding("expectations", one.id, text, session) for text in _unmet_of(one, strict=strict)]
    for live in answering.exchanges:
        seen = live.snapshot()
        if strict:
            found += [Finding("requests", seen.id, text, session) for text in checks.strict_failures([seen], ())]
        if (leak := checks.leak_failure(seen)) is not None:
            found.append(Finding("upstream", seen.id, str(leak), session))
    found += [Finding("connections", str(number), line, session) for number, line in enumerate(left_open, 1)]
    routes = {one.id: one.route.name for one in answering.mounted}
    return Verified(session, routes, tuple(found), account(answering))


def unmet_in(answering: Answering, *, strict: bool) -> list[str]:
    """Return the unmet expectations of the routes, as texts.

    A route that expects something must be asked; for a strict one ``verify`` itself reports that it was not.
    """
    return [text for one in answering.mounted for text in _unmet_of(one, strict=strict)]


def _unmet_of(one: Mounted, *, strict: bool) -> Iterator[str]:
    expected = one.route.expect
    if expected is None:
        return
    if not one.calls and not (one.strict and strict):
        yield f"{one.route.name}: it expects something of its calls, and no request came"
    for live in one.exchanges:
        yield from (f"{one.route.name} expects otherwise: {text}" for text in checks.unmet(expected, live.snapshot()))


def never_asked(answering: Answering) -> list[str]:
    """Return the names of the strict routes that were never requested."""
    return [one.route.name for one in answering.mounted if one.strict and not one.calls]


def account(answering: Answering) -> str:
    """Describe what was seen so far."""
    lines = [checks.explain_exchange(live.snapshot()) for live in answering.exchanges]
    lines += [f"the scenario failed: {error}" for error in answering.broken]
    return "\n".join([*lines, *(f"never asked for: {name}" for name in never_asked(answering))])


def left_open_in(answering: Answering) -> list[str]:
    """Return one line for each exchange whose client has neither read to the end nor left."""
    return left_open_of(answering.exchanges)


def left_open_of(exchanges: Iterable[LiveExchange]) -> list[str]:
    """Return one line for each of them whose client has neither read to the end nor left."""
    seen = (live.snapshot() for live in exchanges if live.machine.outcome not in _OVER)
    return [line for one in seen if (line := checks.left_open(one)) is not None]


_OVER = frozenset(Outcome) - {Outcome.STILL_OPEN, Outcome.ABANDONED}
