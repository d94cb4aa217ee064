"""Judging whole chunks: what the model's events say besides text, and what comes of it at the browser.

What was sent is read from the upstream's own body, so nothing is expected that was not on the wire. A relay that puts
the text into a form of its own is not judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import eq
from typing import Any

from orharness.dialects.values import at, list_at
from orharness.relay.added import added_text
from orharness.relay.seen import Found, Seen, other_form
from orharness.relay.views import AnswerForm, bare, canonical, contents, events_of, form_of, parsed
from orharness.sse import Event
from orharness.verdict import Evidence, shorten

Json = dict[str, Any]
_SHOWN = 200  # characters
_REQUIRED = ("id", "object", "created", "model")  # beside the choices, which make it a chunk
_REQUIRED_OF_A_CHOICE = ("index", "delta")
_OBJECT = "chat.completion.chunk"
_WRAPPED = "no event that comes out is a chunk: its JSON is put into another value, or has no `choices`"
_AS_TEXT = "comes out as text of the answer: its readers cannot tell one from the other"
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


def _compared(
    seen: Seen,
    say: Callable[[Sequence[Json]], Any],
    reason: Callable[[Any, Any], str],
    holds: Callable[[Any, Any], bool] = eq,
) -> Found:
    """Return what differs between the chunks that were sent and those that came."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    if not seen.exchanges:
        return "the upstream was not asked"
    if form_of(seen.exchanges[-1].body) is not AnswerForm.CHAT:
        return "the relay does not ask for chat completions"
    sent = say(chunks_of(events_of(seen.exchanges[-1].body)))
    events = events_of(seen.content)
    chunks = chunks_of(events)
    came = say(chunks)
    if holds(sent, came):
        return None
    if not chunks and (wrapped := next((one.data for one in events if parsed(one.data) is not None), None)) is not None:
        return Evidence("a JSON object with `choices` in each event", shorten(repr(wrapped), _SHOWN), _WRAPPED)
    expected, got = _differing(sent, came), _differing(came, sent)
    return Evidence(shorten(repr(expected), _SHOWN), shorten(repr(got), _SHOWN), reason(sent, came))


def _differing(one: Any, other: Any) -> Any:
    """Return the first without what is the same in the other, where that has names."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one
    return {name: value for name, value in one.items() if name not in other or other[name] != value}


# -- the judges ------------------------------------------------------------------------------------------------------


def role(seen: Seen) -> Found:
    """The role must come out, in the first chunk."""

    def say(chunks: Sequence[Json]) -> str | None:
        first = next(_deltas(chunks), {})
        return first.get("role")

    def reason(sent: str | None, came: str | None) -> str:
        if came:
            return "the role is another one"
        later = any(one.get("role") for one in _deltas(chunks_of(events_of(seen.content))))
        return "a chunk comes before the one with the role" if later else "the role is lost: the first chunk has none"

    return _compared(seen, say, reason)


def required(seen: Seen) -> Found:
    """What the API's reference requires of each chunk must come out, and one id in all of them."""

    def say(chunks: Sequence[Json]) -> list[str]:
        rows = [(chunks, _REQUIRED), (list(_choices(chunks)), _REQUIRED_OF_A_CHOICE)]
        missing = [f"no {name}" for row, names in rows for name in names if any(one.get(name) is None for one in row)]
        objects = {str(one["object"]) for one in chunks if one.get("object") is not None} - {_OBJECT}
        ids = {str(one["id"]) for one in chunks if one.get("id") is not None}
        return [*missing, *(f"object {one}" for one in sorted(objects)), *([_OTHER_ID] if len(ids) > 1 else [])]

    def reason(sent: list[str], came: list[str]) -> str:
        refused = "clients that check their chunks refuse them"
        if left_out := ", ".join(one.removeprefix("no ") for one in came if one.startswith("no ")):
            return f"what the API requires in each chunk is left out: {left_out}; {refused}"
        if other := next((one for one in came if one.startswith("object ")), None):
            return f"the object of a chunk is {other.removeprefix('object ')} and not {_OBJECT}: {refused}"
        return "the id is another one in each chunk: the API has the same in all chunks of an answer"

    return _compared(seen, say, reason)


def finish(seen: Seen) -> Found:
    """The finish_reason must come out, once."""

    def say(chunks: Sequence[Json]) -> list[str]:
        return [one["finish_reason"] for one in _choices(chunks) if one.get("finish_reason")]

    def reason(sent: list[str], came: list[str]) -> str:
        if not came:
            return "the finish_reason is lost: its readers cannot tell why the model stopped, and agents ask again"
        if len(came) > len(sent):
            again = "the finish_reason is sent again"
            return again if set(came) == set(sent) else "a finish_reason is put into chunks that have none"
        return "the finish_reason is another one"

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
        return f"{said}, and has none: a client that goes by the last chunk finds no finish_reason"

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

    # A key of the relay's own takes nothing from its readers.
    def holds(sent: list[Json], came: list[Json]) -> bool:
        return len(sent) == len(came) and all(map(_has_all, came, sent))

    return _compared(seen, say, reason, holds)


def _has_all(came: Any, sent: Any) -> bool:
    """Return whether a JSON value has all that another has, each with the same value."""
    if isinstance(sent, dict) and isinstance(came, dict):
        return all(name in came and _has_all(came[name], value) for name, value in sent.items())
    return bool(came == sent)


def _lost_or_text(seen: Seen, name: str, sent: str, lost: str) -> str:
    """Return that something of the answer is lost, or that it comes out as text."""
    text = "".join(contents(events_of(seen.content)))
    return f"{name} {_AS_TEXT}" if sent and sent in text else lost


def reasoning(seen: Seen) -> Found:
    """The reasoning must come out."""

    def say(chunks: Sequence[Json]) -> str:
        return "".join(str(one.get("reasoning") or one.get("reasoning_content") or "") for one in _deltas(chunks))

    def reason(sent: str, came: str) -> str:
        return (
            "the reasoning is changed" if came else _lost_or_text(seen, "the reasoning", sent, "the reasoning is lost")
        )

    return _compared(seen, say, reason)


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
        if len(came) > len(sent):
            return "a tool call is added"
        if len(came) == len(sent):
            index = next(one for one in came if came[one] != sent.get(one))
            if index not in sent:
                return "the index of a tool call is changed"
            parts = zip(("id", "name", "arguments"), came[index], sent[index], strict=True)
            return f"tool call {index} is changed: its {', '.join(name for name, one, other in parts if one != other)}"
        if all(sent.get(index) == call for index, call in came.items()):
            return f"{len(came)} of {len(sent)} tool calls come out: the other is lost"
        joined = _arguments(came) == _arguments(sent)
        return f"tool calls of another index are made one{': their arguments are joined' if joined else ''}"

    return _compared(seen, say, reason)


def _arguments(calls: dict[object, list[object]]) -> int:
    """Return how many characters the arguments of all calls have."""
    return sum(len(str(call[2])) for call in calls.values())


def refusal(seen: Seen) -> Found:
    """A refusal must come out: such an answer has no text."""

    def say(chunks: Sequence[Json]) -> str:
        return "".join(str(one.get("refusal") or "") for one in _deltas(chunks))

    def reason(sent: str, came: str) -> str:
        lost = "the refusal is lost: its readers get an empty answer"
        return "the refusal is changed" if came else _lost_or_text(seen, "the refusal", sent, lost)

    return _compared(seen, say, reason)


def sources(seen: Seen) -> Found:
    """The annotations (the sources of a web search) must come out."""

    def say(chunks: Sequence[Json]) -> list[object]:
        return [bare(one) for delta in _deltas(chunks) for one in list_at(delta, "annotations")]

    def reason(sent: list[object], came: list[object]) -> str:
        return "the annotations are changed" if came else "the annotations are lost: the text has no sources"

    return _compared(seen, say, reason)


def logprobs(seen: Seen) -> Found:
    """The log probabilities must come out."""

    def say(chunks: Sequence[Json]) -> list[object]:
        return [bare(one) for choice in _choices(chunks) for one in list_at(choice.get("logprobs"), "content")]

    return _compared(seen, say, lambda sent, came: f"the logprobs are {'changed' if came else 'lost'}")


def choices(seen: Seen) -> Found:
    """Each of two choices must come out, with its own text and finish_reason."""

    def say(chunks: Sequence[Json]) -> dict[object, list[object]]:
        found: dict[object, list[object]] = {}
        for one in _choices(chunks):
            said = found.setdefault(one.get("index"), ["", None])
            said[0] = f"{said[0]}{at(one, 'delta', 'content') or ''}"
            said[1] = said[1] or one.get("finish_reason")
        return found

    def reason(sent: dict[object, list[object]], came: dict[object, list[object]]) -> str:
        lost = [index for index in sent if index not in came]
        texts = {index: str(said[0]) for index, said in came.items()}
        same = sum(map(len, texts.values())) == sum(len(str(said[0])) for said in sent.values())
        if same and any(len(texts[index]) > len(str(sent.get(index, [""])[0])) for index in texts):
            return "the choices are made one: the text of one comes out as that of another"
        if lost:
            return f"choice {lost[0]} is lost: {len(came)} of {len(sent)} choices comes out"
        if (added := added_text(seen)) is not None:
            return added
        wrong = next((index for index in came if came[index] != sent.get(index)), None)
        if wrong not in sent:
            return f"there is a choice more, with the index {wrong}"
        what, at_ = ("text", 0) if texts[wrong] != sent[wrong][0] else ("finish_reason", 1)
        return f"the {what} of choice {wrong} is {'changed' if came[wrong][at_] else 'lost'}"

    return _compared(seen, say, reason)


_KNOWN = {
    "chunk": {"id", "object", "created", "model", "choices", "usage"},
    "choice": {"index", "delta", "finish_reason", "logprobs"},
    "delta": {"role", "content", "reasoning", "reasoning_content", "tool_calls", "refusal", "annotations"},
}


def unknown_fields(seen: Seen) -> Found:
    """Fields that are not OpenAI's, or that came to its API later, must come out with their values."""

    def say(chunks: Sequence[Json]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        rows = {"chunk": chunks, "choice": _choices(chunks), "delta": _deltas(chunks)}
        for kind, row in ((kind, row) for kind, of_kind in rows.items() for row in of_kind):
            for name, value in row.items():
                if name not in _KNOWN[kind] and value is not None:
                    found.setdefault(name, []).append(canonical(bare(value)))
        return {name: sorted(set(values)) for name, values in found.items()}

    def reason(sent: dict[str, list[str]], came: dict[str, list[str]]) -> str:
        if left_out := [name for name in sent if name not in came]:
            return f"fields that it does not know are left out: {', '.join(left_out)}"
        changed = [name for name in sent if sent[name] != came[name]]
        return f"fields that it does not know are changed: {', '.join(changed)}"

    # A field of the relay's own takes nothing from its readers.
    return _compared(
        seen, say, reason, holds=lambda sent, came: all(came.get(name) == value for name, value in sent.items())
    )
