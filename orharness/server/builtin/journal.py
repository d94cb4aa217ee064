"""``GET /_orharness/journal``: every exchange so far, as JSON."""

from __future__ import annotations

from orharness.journal import Request, journal_document
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.answering import CONTROL, Answering
from orharness.server.builtin.computed import computed

JOURNAL_PATH = f"{CONTROL}journal"


def route(answering: Answering) -> Route:
    """Return the route; requests for the journal are not in it."""

    def reply(request: Request) -> Reply:
        return Reply.respond(json=journal_document(answering.journal()))

    return computed(JOURNAL_PATH, reply)
