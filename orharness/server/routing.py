"""Building routes: the method called on a builder says what the route answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from orharness.errors import ScenarioError
from orharness.gateways import Gateway
from orharness.journal import Pacing
from orharness.options import checked_call
from orharness.scenario.body import Forward, Plain
from orharness.scenario.checked import instance_of, one_of
from orharness.scenario.options import CompletionOptions, ModelOptions, Piece, PlainOptions, StreamOptions, Through
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route, Turns, When
from orharness.server.handles import LiveRoute
from orharness.stream import Stream
from orharness.transforms import Composed

if TYPE_CHECKING:
    from orharness.cassette.filters import Filters
    from orharness.cassette.interaction import Interaction


class RouteBuilder:
    """A route without a reply yet.

    ``gateway``: the server's, whose usage and errors completions take. ``through``: the server's transforms for every
    stream.
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

    @checked_call(CompletionOptions)
    def messages(self, text: str | Sequence[str] | None = None, **options: Unpack[CompletionOptions]) -> LiveRoute:
        """Answer with Anthropic Messages; see ``Reply.completion``."""
        return self._completion("messages", text, options)

    @checked_call(CompletionOptions)
    def responses(self, text: str | Sequence[str] | None = None, **options: Unpack[CompletionOptions]) -> LiveRoute:
        """Answer with OpenAI Responses; see ``Reply.completion``."""
        return self._completion("responses", text, options)

    @checked_call(CompletionOptions)
    def ollama(self, text: str | Sequence[str] | None = None, **options: Unpack[CompletionOptions]) -> LiveRoute:
        """Answer as Ollama does, in the form of the path that is asked; see ``Reply.completion``."""
        return self._completion("ollama", text, options)

    @checked_call(CompletionOptions)
    def gemini(self, text: str | Sequence[str] | None = None, **options: Unpack[CompletionOptions]) -> LiveRoute:
        """Answer as the Gemini API does; see ``Reply.completion``."""
        return self._completion("gemini", text, options)

    def _completion(
        self, dialect: str | None, text: str | Sequence[str] | None, options: CompletionOptions
    ) -> LiveRoute:
        options.setdefault("gateway", self._gateway)
        return self.replies(Reply.completion(dialect, text, **options))

    @checked_call(StreamOptions)
    def stream(self, *pieces: Piece | Stream, **options: Unpack[StreamOptions]) -> LiveRoute:
        """Answer with a stream of these events, comments and bytes; see ``Reply.stream``."""
        return self.replies(Reply.stream(*pieces, **options))

    @checked_call(PlainOptions)
    def respond(self, status: int = 200, **options: Unpack[PlainOptions]) -> LiveRoute:
        """Answer with a plain response; see ``Reply.respond``."""
        return self.replies(Reply.respond(status, **options))

    @checked_call()
    def replies(self, *replies: Reply, by: Turns | str = Turns.ORDER) -> LiveRoute:
        """Answer with these replies in turn; the last one repeats. The server's transforms precede each reply's own.

        ``by="conversation"``: the turn is that of the model in the conversation that the request carries, whoever else
        asks at the same time.
        """
        if not replies:
            raise ScenarioError("replies takes at least one reply")
        for one in replies:
            instance_of(Reply, one, "each of replies")
        shaped = tuple(map(self._through_the_server_s, replies))
        order = one_of(Turns, by, "by")
        return self._mount(Route(self._method, self._path, shaped, self._when, by=order))

    @checked_call(ModelOptions)
    def cassette(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        **model: Unpack[ModelOptions],
    ) -> LiveRoute:
        """Answer with the interactions of a cassette in recorded order, whatever the request; the last one repeats.

        ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        recorded = (Reply.recorded(one, through=through, pacing=pacing, **model) for one in recorded_in(path))
        return self.replies(*recorded)

    def _through_the_server_s(self, reply: Reply) -> Reply:
        """Return the reply with the server's transforms before its own; unchanged if it is not a stream."""
        if not self._through.steps or isinstance(reply.body, Plain | Forward):
            return reply
        return replace(reply, through=(*self._through.steps, *reply.through))


def filters_of(settings: Mapping[str, Any] | None) -> Filters | None:
    """Return vcrpy's filters. Raises ``ScenarioError`` for a setting that is not one."""
    if not settings:
        return None
    from orharness.cassette import Filters

    return Filters(settings)


def recorded_in(path: str | Path) -> list[Interaction]:
    """Return the interactions of a cassette, or of a recording of another tool.

    vcrpy, which reads it, imports every HTTP library that is installed: only a server that plays one takes that time.
    """
    from orharness.conversion import interactions_in

    return interactions_in(Path(path))
