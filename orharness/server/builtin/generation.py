"""``GET …/generation?id=``: the cost of a generation, by the ``X-Generation-Id`` of its response."""

from __future__ import annotations

from orharness.dialects import DIALECTS
from orharness.journal import Request
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.answering import Answering
from orharness.server.builtin.computed import computed
from orharness.upstream import Generation, generation_document


def route(answering: Answering, *, shared: bool = False) -> Route:
    """Return the route. An id that was sent more than once means the last exchange.

    ``shared``: other processes answer on the same port, and may have made it: then the bill is in the journal alone.
    """

    def reply(request: Request) -> Reply:
        identifier = request.parameters.get("id", "")
        if shared:
            why = "another of the server's workers may have made it: bills are in /_orharness/journal"
            return Reply.respond(501, json=DIALECTS.default.error_document(answering.gateway, 501, why))
        for live in reversed(list(answering.exchanges)):
            meter = None if live.machine.plan is None else live.machine.plan.meter
            if isinstance(meter, Generation) and meter.id == identifier:
                seen = live.snapshot()
                assert seen.bill is not None
                still_open = seen.outcome is None
                return Reply.respond(json=generation_document(meter, seen.bill, seen.started_at, still_open=still_open))
        missing = DIALECTS.default.error_document(answering.gateway, 404, f"there is no generation {identifier!r}")
        return Reply.respond(404, json=missing)

    return computed("/generation", reply)
