"""Judging whole chunks: what the model's events say besides text, and what comes of it at the browser.

What was sent is read from the upstream's own body, so nothing is expected that was not on the wire. A relay that puts
the text into a form of its own is not judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from orharness.dialects.values import list_at
from orharness.relay.judge import other_form
from orharness.relay.seen import Found, Seen
from orharness.relay.views import AnswerForm, events_of, form_of, parsed
from orharness.sse import Event
from orharness.verdict import Evidence, shorten

Json = dict[str, Any]
_SHOWN = 200  # characters
_REQUIRED = ("id", "object", "created", "model")  # beside the choices, without which it is no chunk
_OTHER_ID = "another id in each chunk"


# -- reading chunks --------------------------------------------------------------------------------------------------


def chunks_of(events: Sequence[Event]) -> list[Json]:
    """Return the chunks among the events: JSON objects with choices."""
    documents = [parsed(event.data) for event in events]
    return [one for one in documents if isinstance(one, dict) and isinstance(one.get("choices"), list)]


def _choices(chunks: Sequence[Json]) -> Iterator[Json]:
    for chunk in chunks:
        for choice in list_at(chunk, "choices"):
            if isinstance(choice, dict):
                yield choice


def _deltas(chunks: Sequence[Json]) -> Iterator[Json]:
    for choice in _choices(chunks):
        if isinstance(delta := choice.get("delta"), dict):
            yield delta


def _compared(seen: Seen, say: Callable[[Sequence[Json]], Any], reason: Callable[[Any, Any], str]) -> Found:
    """Return what differs between the chunks that were sent and those that came."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    if not seen.exchanges:
        return "the upstream was not asked"
    if form_of(seen.exchanges[-1].body) is not AnswerForm.CHAT:
        return "the relay does not ask for chat completions"
    sent = say(chunks_of(events_of(seen.exchanges[-1].body)))
    came = say(chunks_of(events_of(seen.content)))
    if sent == came:
        return None
    return Evidence(shorten(repr(sent), _SHOWN), shorten(repr(came), _SHOWN), reason(sent, came))


# -- the judges ------------------------------------------------------------------------------------------------------


def role(seen: Seen) -> Found:
    """The role must come out, in the first chunk."""

    def say(chunks: Sequence[Json]) -> str | None:
        first = next(_deltas(chunks), {})
        return first.get("role")

    def reason(sent: str | None, came: str | None) -> str:
        return "the role is another one" if came else "the role is lost: the first chunk has none"

    return _compared(seen, say, reason)


def required(seen: Seen) -> Found:
    """What the API's reference requires of each chunk must come out, and one id in all of them."""

    def say(chunks: Sequence[Json]) -> list[str]:
        missing = [f"no {name}" for name in _REQUIRED if any(one.get(name) is None for one in chunks)]
        ids = {str(one["id"]) for one in chunks if one.get("id") is not None}
        return [*missing, *([_OTHER_ID] if len(ids) > 1 else [])]

    def reason(sent: list[str], came: list[str]) -> str:
        left_out = ", ".join(one.removeprefix("no ") for one in came if one != _OTHER_ID)
        if not left_out:
            return "the id is another one in each chunk: the API has the same in all chunks of an answer"
        return (
            f"what the API requires in each chunk is left out: {left_out}; clients that check their chunks refuse them"
        )

    return _compared(seen, say, reason)


def finish(seen: Seen) -> Found:
    """The finish_reason must come out, once."""

    def say(chunks: Sequence[Json]) -> list[str]:
        return [one["finish_reason"] for one in _choices(chunks) if one.get("finish_reason")]

    def reason(sent: list[str], came: list[str]) -> str:
        if not came:
            return "the finish_reason is lost: its readers cannot tell why the model stopped, and agents ask again"
        return "the finish_reason is sent again" if set(came) == set(sent) else "the finish_reason is another one"

    return _compared(seen, say, reason)


def finish_last(seen: Seen) -> Found:
    """No chunk with a choice may come after the one with the finish_reason."""

    def say(chunks: Sequence[Json]) -> list[Json]:
        choices = list(_choices(chunks))
        ended = next((at for at, one in enumerate(choices) if one.get("finish_reason")), len(choices))
        return choices[ended + 1 :]

    def reason(sent: list[Json], came: list[Json]) -> str:
        said = "a chunk with a choice comes after the one with the finish_reason"
        if any(one.get("finish_reason") for one in came):
            return said
        return f"{said}, and has none: whoever goes by the last chunk finds no finish_reason"

    return _compared(seen, say, reason)


def null_finish(seen: Seen) -> Found:
    """A finish_reason of null must stay one: the API's reference requires the field in each choice."""

    def say(chunks: Sequence[Json]) -> list[str]:
        return sorted({"absent" for one in _choices(chunks) if "finish_reason" not in one})

    return _compared(
        seen,
        say,
        lambda sent, came: "the finish_reason is left out where it is null: the API requires it in each choice",
    )


def usage(seen: Seen) -> Found:
    """The token counts must come out, as they are, and once."""

    def say(chunks: Sequence[Json]) -> list[Json]:
        return [one["usage"] for one in chunks if isinstance(one.get("usage"), dict)]

    def reason(sent: list[Json], came: list[Json]) -> str:
        if not came:
            lost = "the usage is lost: tokens and cost are 0 for its readers (it comes after the finish_reason)"
            return f"{lost}. Where only stream_options.include_usage asks for it, put that into --json"
        return "the usage comes out more than once" if len(came) > len(sent) else "the usage is changed"

    return _compared(seen, say, reason)


def reasoning(seen: Seen) -> Found:
    """The reasoning must come out."""

    def say(chunks: Sequence[Json]) -> str:
        return "".join(str(one.get("reasoning") or one.get("reasoning_content") or "") for one in _deltas(chunks))

    return _compared(seen, say, lambda sent, came: "the reasoning is lost" if not came else "the reasoning is changed")


def tools(seen: Seen) -> Found:
    """Each tool call must come out whole, with its own index."""

    def say(chunks: Sequence[Json]) -> dict[object, list[object]]:
        calls: dict[object, list[object]] = {}
        parts: list[Any] = [part for delta in _deltas(chunks) for part in list_at(delta, "tool_calls")]
        for one in (part for part in parts if isinstance(part, dict)):
            function = one.get("function") or {}
            call = calls.setdefault(one.get("index"), [None, "", ""])
            call[0] = call[0] or one.get("id")
            call[1] = call[1] or function.get("name", "")
            call[2] = f"{call[2]}{function.get('arguments') or ''}"
        return calls

    def reason(sent: dict[object, list[object]], came: dict[object, list[object]]) -> str:
        if not came:
            return "the tool calls are lost"
        if len(came) >= len(sent):
            return "a tool call is changed"
        if all(sent.get(index) == call for index, call in came.items()):
            return f"{len(came)} of {len(sent)} tool calls come out: the other is lost"
        joined = _arguments(came) == _arguments(sent)
        return f"tool calls of another index are made one{': their arguments are joined' if joined else ''}"

    return _compared(seen, say, reason)


def _arguments(calls: dict[object, list[object]]) -> int:
    """Return how many characters the arguments of all calls have."""
    return sum(len(str(call[2])) for call in calls.values())


def unknown_fields(seen: Seen) -> Found:
    """Fields that the relay does not know must come out."""

    def say(chunks: Sequence[Json]) -> list[str]:
        known = ("provider", "native_finish_reason", "logprobs")
        rows = [*chunks, *_choices(chunks)]
        return [name for name in known if any(name in row for row in rows)]

    def reason(sent: list[str], came: list[str]) -> str:
        return f"fields that it does not know are left out: {', '.join(one for one in sent if one not in came)}"

    return _compared(seen, say, reason)


def only_chunks(seen: Seen) -> Found:
    """No event of the relay's own may come among the model's."""
    added = [event for event in _added(seen) if event.type == "message"]
    return _with(added, seen, "an event that is no chunk is added: it has neither choices nor error")


def only_messages(seen: Seen) -> Found:
    """No event may come with a name that the model's have not."""
    added = [event for event in _added(seen, named=True) if event.type != "message"]
    return _with(added, seen, "an event of another API is added: a chat completion's events have no name")


def _added(seen: Seen, *, named: bool = False) -> list[Event]:
    sent = {(event.type, event.data) for one in seen.exchanges for event in events_of(one.body)}
    return [
        event
        for event in events_of(seen.content)
        if (event.type, event.data) not in sent and (named or _is_no_chunk(parsed(event.data)))
    ]


def _is_no_chunk(document: object) -> bool:
    return isinstance(document, dict) and not {"choices", "error"} & document.keys()


def _with(added: Sequence[Event], seen: Seen, reason: str) -> Found:
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    if not added:
        return None
    shown = f"event: {added[0].type}, data: {added[0].data}" if added[0].type != "message" else added[0].data
    return Evidence("the model's events and no others", shorten(shown, _SHOWN), reason)
