"""Answers that are made whether or not their client stays: the models at work, and the API's calls for them.

Everything here runs in the server's loop. How an open stream of such an answer ends when a call stops the model is not
documented; here its body ends in order, without a terminal event.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from orharness.dialects import DIALECTS, Dialect
from orharness.dialects.completion import Completion
from orharness.dialects.dialect import Progress
from orharness.dialects.paths import values_in
from orharness.gateways import Gateway
from orharness.journal import Pacing, Request, Work
from orharness.journal.events import Worked
from orharness.player import play
from orharness.scenario.background import InBackground
from orharness.scenario.paths import api_path
from orharness.scenario.reply import Reply
from orharness.scenario.response import Response, error_response, json_response
from orharness.server.delivery import Gate, LoopClock, in_task
from orharness.server.exchange import LiveExchange
from orharness.server.pace import Pace
from orharness.stream import Chunk


class ModelAtWork:
    """One model at work. ``exchange``: the request that began it, whose bill it is. ``offset``: of the body made."""

    def __init__(self, exchange: LiveExchange, answer: InBackground, failed: Callable[[Exception], None]) -> None:
        self.exchange = exchange
        self.answer = answer
        self.offset = 0
        self.ended = False
        self.stopped = False
        self.taken: int | None = None  # what was written of it to the client that began it, ``None`` without one
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        if self.stopped:
            return Progress.CANCELLED
        return Progress.ENDED if self.ended else Progress.WORKING if self._task else Progress.QUEUED

    def start(self, gate: Gate) -> None:
        """Begin to work; at a gate it waits until the test releases it."""
        self._report()
        self._task = asyncio.get_running_loop().create_task(self._run(gate))

    def stop(self) -> None:
        """Stop it for good, unless it has ended."""
        if self.ended or self.stopped:
            return
        self.stopped = True
        self._report()
        self.close()

    def close(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
        self.tell()

    def tell(self) -> None:
        """Wake all that wait for it."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def reaches(self, offset: int) -> bool:
        """Wait until it has come to a body offset; return whether it has, false if it was stopped before."""
        while self.offset < offset and not (self.stopped or self.ended):
            await self._changed.wait()
        return self.offset >= offset

    async def _run(self, gate: Gate) -> None:
        try:
            gated = in_task(partial(self._at, gate))
            playing = play(self.answer.work, self._made, LoopClock(), pacing=Pacing.RECORDED, gate=gated)
            await Pace.of_loop().drive(playing)
            self.ended = True
        except Exception as error:
            self.stopped = True
            self._failed(error)
        self.tell()

    def _made(self, chunk: Chunk) -> Awaitable[None] | None:
        self.offset += len(chunk.data)
        self._report()
        self.tell()
        return None

    async def _at(self, gate: Gate, number: int) -> None:
        """Wait at a gate, once its client has all that comes before it."""
        while self.taken is not None and self.taken < self.offset:
            await self._changed.wait()
        await gate(number)

    def _report(self) -> None:
        self.exchange.feed(Worked(Work(self.offset, self.stopped), self.exchange.elapsed()))


@dataclass(frozen=True)
class Following(Response):
    """A response for an answer that is made in the background.

    ``work``: the model; ``start``: the body offset at which the response begins, ``None`` if it is a document.
    ``first``: whether it is the one that begins the work.
    """

    work: ModelAtWork | None = None
    start: int | None = None
    first: bool = False

    def begin(self, gate: Gate) -> None:
        """Have the model begin, if this is its first response."""
        if self.first and self.work is not None:
            self.work.taken = self.start
            self.work.start(gate)

    async def reaches(self, offset: int) -> bool:
        """Wait until the model has made the body of this response up to an offset; false if it was stopped before."""
        return self.work is not None and await self.work.reaches((self.start or 0) + offset)

    def took(self, offset: int | None) -> None:
        """Record what was written to the client, ``None`` once it is gone."""
        if self.first and self.work is not None and self.start is not None:
            self.work.taken = offset
            self.work.tell()


class Works:
    """The models at work of one session, by the ids of their answers."""

    def __init__(self, gateway: Gateway, broken: Callable[[Exception], None]) -> None:
        self._gateway = gateway
        self._broken = broken
        self._known: dict[str, ModelAtWork] = {}
        self._times: Counter[str] = Counter()  # how often each reply was asked for, by its first id

    def close(self) -> None:
        """End all of them."""
        for work in self._known.values():
            work.close()
        self._known.clear()
        self._times.clear()

    def response_of(self, reply: Reply, request: Request) -> Response:
        """Return the response of a reply to a request: one that is made in the background has an id of its own."""
        response = reply.answer(request, self._gateway)
        if response.background is None or response.generation is None:
            return response
        before = self._times[response.generation.id]
        self._times[response.generation.id] += 1
        if not before or not isinstance(reply.body, Completion) or reply.body.id is not None:
            return response
        # An id is made of what the answer says, and when.
        later = replace(reply.body, created=reply.body.created + before)
        return replace(reply, body=later).answer(request, self._gateway)

    def begin(self, exchange: LiveExchange, response: Response) -> Response:
        """Return the response as one that begins a work, if its answer is made in the background."""
        if response.background is None or response.generation is None:
            return response
        work = self._known[response.generation.id] = ModelAtWork(exchange, response.background, self._broken)
        start = 0 if response.background.asked.stream else None
        return _following(response, work=work, start=start, first=True)

    def answer(self, request: Request, known: Callable[[str], bool]) -> Response | None:
        """Return the response to one of the APIs' calls for such an answer; ``None`` for any other request or id.

        ``known``: whether any other answer has this id.
        """
        path = api_path(request.path)
        for dialect in DIALECTS.values():
            if dialect.background is None:
                continue
            if request.method == "POST" and dialect.is_below(dialect.background.cancel, path):
                return self._cancelled(dialect, values_in(dialect.background.cancel, path)["id"], known)
            if request.method == "GET" and dialect.is_below(dialect.background.retrieve, path):
                work = self._known.get(values_in(dialect.background.retrieve, path)["id"])
                return None if work is None else self._shown(dialect, work, request)
        return None

    def _cancelled(self, dialect: Dialect, identifier: str, known: Callable[[str], bool]) -> Response | None:
        work = self._known.get(identifier)
        if work is not None:
            work.stop()  # a second time, or after the end, it changes nothing: the response is shown as it is
            return json_response(work.answer.document(work.progress))
        reason = f"{identifier} was not made with background: true: only such an answer can be cancelled by a call"
        return error_response(self._gateway, 400, reason, dialect) if known(identifier) else None

    def _shown(self, dialect: Dialect, work: ModelAtWork, request: Request) -> Response:
        answer, query = work.answer, request.parameters
        if not answer.calls.resumes(query):
            return json_response(answer.document(work.progress))
        after = query.get(answer.calls.after, "-1")
        if not answer.asked.stream:
            return error_response(self._gateway, 400, "it was not asked for with stream: true", dialect)
        if not after.removeprefix("-").isdecimal():
            reason = f"{answer.calls.after} is the number of an event, not {after!r}"
            return error_response(self._gateway, 400, reason, dialect)
        start = answer.offset_after(int(after)) if int(after) >= 0 else 0
        rest = answer.rest(start)
        return Following(200, (("Content-Type", rest.frame.content_type),), rest, work=work, start=start)


def _following(response: Response, **more: Any) -> Following:
    return Following(**{name: getattr(response, name) for name in Response.__dataclass_fields__}, **more)
