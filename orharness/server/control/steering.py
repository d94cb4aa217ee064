"""The verbs that act on a stream under way: hold it, let it go on, end it."""

from __future__ import annotations

from orharness.server.control.problems import Problem
from orharness.server.control.verbs import VerbAnswer, VerbCall
from orharness.server.control.waits import call_document
from orharness.server.exchange import LiveExchange
from orharness.server.gates import Brake
from orharness.stream import Ending

CUTS = {"fin": Ending.ABORT, "rst": Ending.RESET}


def _under_way(asked: VerbCall) -> LiveExchange:
    live = asked.call
    if not live.machine.can_be_left:
        raise Problem(400, f"the call {live.id} is over: only an answer under way can be held, released or cut")
    return live


async def hold(asked: VerbCall) -> VerbAnswer:
    """Hold a stream before its next chunk."""
    live = _under_way(asked)
    held = sum(one.brake is not None and one.open for one in asked.session.answering.exchanges)
    most = asked.sessions.limits.held
    if held >= most:
        raise Problem(429, f"{most} streams of this session are held already: release those that are done")
    if live.brake is None:
        live.brake = Brake()
    return VerbAnswer(call_document(asked.session, live))


async def release(asked: VerbCall) -> VerbAnswer:
    """Let a stream go on: one that was held by hand, else one at a gate of its route, which opens."""
    live = _under_way(asked)
    if live.brake is not None:
        live.brake.release()
        live.brake = None
    elif live.snapshot().held_at is not None:
        mounted = next((one for one in asked.session.answering.mounted if live in one.exchanges), None)
        if mounted is None:
            raise Problem(400, f"the call {live.id} is held at a gate of a route that was taken away: only cut ends it")
        mounted.gates.release()
    return VerbAnswer(call_document(asked.session, live))


async def cut(asked: VerbCall) -> VerbAnswer:
    """End a response now, by a FIN or an RST."""
    live = _under_way(asked)
    live.cut(CUTS[asked.values["by"]])
    return VerbAnswer(call_document(asked.session, live))
