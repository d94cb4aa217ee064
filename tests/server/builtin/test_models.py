"""The list of models: after a user's own route, and never invented where a cassette says what there was."""

from __future__ import annotations

import pytest

from orharness.journal import Outcome
from orharness.scenario import Reply, Route
from orharness.scenario.playback import interaction_routes, serving_routes
from orharness.server.mounts import Mounted
from tests.support.cassette_samples import an_interaction
from tests.support.list_wire import Asking, ListWire, answering, document

pytestmark = pytest.mark.asyncio


async def test_built_in_routes_come_after_the_users_own() -> None:
    server, wire, other = answering(), ListWire(), ListWire()
    await server.answer(Asking(b"", "/v1/models", "GET"), wire)
    assert [model["id"] for model in document(wire)["data"]] == ["a/model"]
    server.mounted.append(Mounted(Route("GET", "/models", (Reply.respond(json={"mine": 1}),))))
    await server.answer(Asking(b"", "/v1/models", "GET"), other)
    assert document(other) == {"mine": 1}
    assert [one.route for one in server.journal()] == ["models", "GET /models"]


async def test_where_a_cassette_is_played_no_list_of_models_is_made_up() -> None:
    server, played, served = answering(), ListWire(), ListWire()
    recorded = interaction_routes([an_interaction()])
    server.mounted.extend(map(Mounted, recorded))
    await server.answer(Asking(b"", "/v1/models", "GET"), played)
    assert "no route answers GET /v1/models" in document(played)["error"]["message"]
    assert server.journal()[0].outcome is Outcome.UNMATCHED
    server.mounted.clear()
    server.mounted.extend(map(Mounted, serving_routes([an_interaction()])))  # a mock, whatever is asked
    await server.answer(Asking(b"", "/v1/models", "GET"), served)
    assert [model["id"] for model in document(served)["data"]] == ["a/model"]
