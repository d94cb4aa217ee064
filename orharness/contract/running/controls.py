"""Controls: trials that show whether a client still fails if its stream is changed a little."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.heard import Heard
from orharness.contract.running.replies import cut, plain_request
from orharness.contract.running.trials import Trials, Tried
from orharness.errors import OrharnessError
from orharness.scenario import Reply
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.verdict import excerpt


@dataclass(frozen=True)
class Failed:
    """A confirmed fail of one case. ``cuts``: those with which it failed first; ``between``: the ends of events."""

    case: Case
    stream: Stream
    tried: Tried
    heard: Heard
    cuts: tuple[int, ...]
    between: tuple[int, ...]

    @property
    def on_events(self) -> bool:
        """Whether it failed where no event was cut."""
        return set(self.cuts) <= set(self.between)

    @property
    def has_joined(self) -> bool:
        """Whether events came together in one chunk."""
        return not set(self.cuts) >= {end for end in self.between if end < len(self.stream.body)}

    @property
    def style(self) -> tuple[int, ...] | None:
        """How a control is cut: ``None`` for one event a chunk."""
        return None if self.on_events and self.cuts else ()


class Controls:
    """Plays controls to one client. ``left``: how many may still be played for the current fail."""

    def __init__(self, trials: Trials) -> None:
        self.left = 0
        self._trials = trials

    def body_holds(
        self,
        failed: Failed,
        body: bytes,
        cuts: tuple[int, ...] | None,
        ending: Ending | None = None,
        *,
        plainly: bool = False,
    ) -> bool:
        """Return whether the client holds where this body is sent instead.

        ``cuts``: ``None`` for one event a chunk. ``plainly``: with the usual head and framing.
        """
        case = failed.case
        response = case.reply().answer(plain_request(case))
        given = response.stream
        announced = None if given.announced is None else given.announced + len(body) - len(given.body)
        changed = Stream((Chunk(body),), ending or given.ending, given.framing, announced=announced, frame=given.frame)
        if plainly:
            reply = Reply.stream(case.dialect.marked(replace(changed, framing=Framing.CHUNKED, announced=None)))
        else:
            reply = Reply.stream(
                case.dialect.marked(changed),
                status=response.status or 200,  # a case always has one
                headers=response.headers,
                default_headers=False,
                pacing=response.pacing,
            )
        ends = tuple(block.end for block in changed.frame.blocks(body) if block.end < len(body))
        return self.holds(failed, cut(reply, ends if cuts is None else cuts))

    def said_plainly_holds(self, failed: Failed, text: str, cuts: tuple[int, ...] | None = None) -> bool | None:
        """Return whether the client holds where a text comes as a plain answer; ``None`` where the API has no form."""
        try:
            reply = Reply.completion(failed.case.dialect, text, model="m")
        except OrharnessError:
            return None
        return self.holds(failed, cut(reply, cuts))

    def heard_of(self, failed: Failed, text: str) -> Heard | None:
        """Return what the client says of a text that comes as a plain answer; ``None`` if none may be played."""
        self.left -= 1
        if self.left < 0:
            return None
        try:
            reply = Reply.completion(failed.case.dialect, text, model="m")
        except OrharnessError:
            return None
        return self._trials.of_reply(failed.case, reply, self._trials.patience).heard

    def holds(self, failed: Failed, reply: Reply) -> bool:
        """Return whether the client holds with another reply; false if no more of them may be played."""
        self.left -= 1
        if self.left < 0:
            return False
        return self._trials.of_reply(failed.case, reply, self._trials.patience).evidence is None


def told(failed: Failed, reason: str, at: int | None = None) -> Tried:
    """Return the fail with a reason. ``at``: the offset to show, ``None`` for the one that is shown."""
    evidence = failed.tried.evidence
    assert evidence is not None
    if at is None or not evidence.body:
        return replace(failed.tried, evidence=replace(evidence, reason=reason))
    shown = excerpt(evidence.body, at)
    return replace(failed.tried, evidence=replace(evidence, reason=reason, at=at, excerpt=shown))
