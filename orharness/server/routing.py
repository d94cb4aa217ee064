"""Setting up a route: what it answers is said by the method called on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from orharness.errors import ScenarioError
from orharness.gateways import Gateway
from orharness.journal import Pacing
from orharness.options import checked_call
from orharness.scenario.checked import instance_of
from orharness.scenario.reply import (
    CompletionOptions,
    ModelOptions,
    Piece,
    PlainOptions,
    Reply,
    StreamOptions,
    Through,
)
from orharness.scenario.route import Route, When
from orharness.server.handles import LiveRoute
from orharness.stream import Stream
from orharness.transforms import Composed, compose

if TYPE_CHECKING:
    from orharness.cassette.interaction import Interaction


class RouteBuilder:
    """A route that still has to be given its reply.

    ``gateway`` and ``through`` are the server's: they hold for every reply that is made here.
    """

    def __init__(
        self,
        mount: Callable[[Route], LiveRoute],
        method: str,
        path: str | None,
        when: When | None,
        gateway: Gateway,
        through: Composed,
    ) -> None:
        self._mount = mount
        self._method = method
        self._path = path
        self._when = when
        self._gateway = gateway
        self._through = through

    @checked_call(CompletionOptions)
    def answer(self, text: str | Sequence[str] | None = None, **options: Unpack[CompletionOptions]) -> LiveRoute:
        """Answer with a completion in the dialect of the request; see ``Reply.completion``."""
        return self._completion(None, text, options)

    @checked_call(CompletionOptions)
    def chat(self, text: str | Sequence[str] | None = None, **options: Unpack[CompletionOptions]) -> LiveRoute:
        """Answer with a chat completion; see ``Reply.completion``."""
        return self._completion("chat", text, options)

    def _completion(
        self, dialect: str | None, text: str | Sequence[str] | None, options: CompletionOptions
    ) -> LiveRoute:
        options.setdefault("gateway", self._gateway)
        options["through"] = self._with_server_s(options.get("through", ()))
        return self.replies(Reply.completion(dialect, text, **options))

    @checked_call(StreamOptions)
    def stream(self, *pieces: Piece | Stream, **options: Unpack[StreamOptions]) -> LiveRoute:
        """Answer with a stream of these events, comments and bytes; see ``Reply.stream``."""
        options["through"] = self._with_server_s(options.get("through", ()))
        return self.replies(Reply.stream(*pieces, **options))

    @checked_call(PlainOptions)
    def respond(self, status: int = 200, **options: Unpack[PlainOptions]) -> LiveRoute:
        """Answer with a plain response; see ``Reply.respond``."""
        return self.replies(Reply.respond(status, **options))

    @checked_call()
    def replies(self, *replies: Reply) -> LiveRoute:
        """Answer with these replies in turn; the last one repeats."""
        if not replies:
            raise ScenarioError("replies takes one reply at least")
        for one in replies:
            instance_of(Reply, one, "each of replies")
        return self._mount(Route(self._method, self._path, replies, self._when))

    @checked_call(ModelOptions)
    def cassette(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        **model: Unpack[ModelOptions],
    ) -> LiveRoute:
        """Answer with the interactions of a cassette in recorded order, whatever was asked; the last one repeats.

        ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        steps = self._with_server_s(through)
        return self.replies(*(Reply.recorded(one, through=steps, pacing=pacing, **model) for one in recorded_in(path)))

    def _with_server_s(self, through: Through) -> Through:
        return [self._through, compose(through)]


def recorded_in(path: str | Path) -> list[Interaction]:
    """Return what a cassette holds.

    vcrpy, which reads it, imports every HTTP library that is installed: only a server that plays one waits for that.
    """
    from orharness.cassette import load

    return load(Path(path))
