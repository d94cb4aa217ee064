"""The model behind an existing stream, derived from the stream's bytes."""

from __future__ import annotations

from collections.abc import Iterable

from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.journal import Counted
from orharness.providers import DEFAULT, Provider
from orharness.providers import lookup as provider_named
from orharness.sse import Event
from orharness.stream import Stream
from orharness.upstream import PRICE, Generation

GENERATION_ID = "X-Generation-Id"


def recorded_generation(
    stream: Stream,
    headers: Iterable[tuple[str, str]] = (),
    provider: str | Provider | None = None,
    *,
    pace: float | None = None,
    price: float = PRICE,
) -> Generation | None:
    """Return the model behind an existing stream of any dialect; ``None`` if no event has data.

    Its tokens are those of the stream's own usage. Without usage, events are counted instead: those that carry a part
    of the answer or, in an unknown dialect, all that have data and come before the end marker. ``provider`` overrides
    the one that the stream names; raises ``ScenarioError`` if it is unknown.
    """
    items = stream.frame.decode(stream.body)
    dialect = DIALECTS.of(items)
    offsets = stream.tokens or _event_offsets(stream)
    if not offsets:
        return None
    said = (dialect or DIALECTS.default).fold(items)
    sent = next((value for name, value in headers if name.lower() == GENERATION_ID.lower()), None)
    maker = _named_in_stream(said.provider) if provider is None else provider_named(provider)
    counted = said.tokens_made if stream.tokens else None
    return Generation(
        id=sent or said.id or "gen-recorded",
        model=said.model,
        total=len(offsets) if counted is None else counted,
        offsets=offsets,
        provider=maker or Provider(str(said.provider), stops_on_cancel=True),
        prompt=said.tokens_prompt or 0,
        finish_reason=said.finish_reason,
        pace=pace,
        seconds=stream.duration,
        price=price,
        counted=Counted.EVENTS if counted is None else Counted.TOKENS,
        provider_known=maker is not None,
    )


def _event_offsets(stream: Stream) -> tuple[int, ...]:
    """Return the body offset after each event that has data and comes before the end marker."""
    end = len(stream.body) + 1 if stream.end_marker is None else stream.end_marker
    found = stream.frame.decode_with_offsets(stream.body)
    return tuple(offset for offset, item in found if isinstance(item, Event) and item.data and offset < end)


def _named_in_stream(name: str | None) -> Provider | None:
    """Return the provider that a stream names, the default one if it names none; ``None`` for an unknown name."""
    try:
        return DEFAULT if name is None else provider_named(name)
    except ScenarioError:
        return None
