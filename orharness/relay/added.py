"""Judging what a relay adds or moves: events at the browser that its upstream did not send, or not there.

Where the upstream sent a keep-alive comment in the same place, and that comment does not come out, the comment has been
turned into the event.
"""

from __future__ import annotations

from collections.abc import Sequence

from orharness.dialects import DIALECTS
from orharness.relay.comparison import Comparison, SeenBlock
from orharness.relay.seen import NO_API, Found, Seen, other_form
from orharness.relay.views import AnswerForm
from orharness.verdict import Evidence, quote, shorten

_SHOWN = 200  # characters
_UNNAMED = ("message", "error")  # an event named error is an error of any API
_EXPECTED = "the upstream's events and no others"


def only_events(seen: Seen) -> Found:
    """No event may come that is not one of the API's, and no error that the upstream did not report."""
    compared = Comparison.of(seen)
    if compared is None:
        return NO_API
    named = compared.dialect is not DIALECTS.default  # in its own API an event has a name; in this ``only_messages``
    added = compared.added(lambda event: (named or event.type in _UNNAMED) and not compared.is_of_the_api(event))
    if not added:
        return None
    if added[0].event is not None and compared.dialect.error_of(added[0].event) is not None:
        return _evidence(compared, added, "an error", "the upstream reports none")
    return _evidence(compared, added, "an event that is not one of the API's", "readers take it for one")


def only_messages(seen: Seen) -> Found:
    """No event may come with a name, since the model's have none, and no block without data."""
    compared = Comparison.of(seen)
    if seen.form is not AnswerForm.CHAT or compared is None:
        return other_form(seen)
    if renamed := compared.added(lambda event: event.type != "message" and compared.is_of_the_api(event)):
        reason = "the chunks get a name: a reader that listens for `message`, as EventSource does, gets none of them"
        return Evidence("events without a name, as the upstream sent them", _shown(renamed[0]), reason)
    if added := compared.added(lambda event: event.type not in _UNNAMED):
        harm = "a chat completion's events have no name, and many readers ignore names and take each event for a chunk"
        return _evidence(compared, added, "an event with a name", harm)
    if added := compared.without_data():
        harm = "the standard skips it, but many readers parse its data as JSON and find none"
        return _evidence(compared, added, "a block without data", harm)
    return None


def only_content(seen: Seen) -> Found:
    """No chunk may come that the upstream did not send and that brings nothing of the answer."""
    compared = _of_chunks(seen)
    if not isinstance(compared, Comparison):
        return compared
    added = [one for one in compared.surplus() if not one.essence]
    harm = "it brings nothing of the answer, and readers that go by the number or the time of chunks count it"
    return _evidence(compared, added, "a chunk without content", harm) if added else None


def order(seen: Seen) -> Found:
    """What chunks bring must come in the order in which it was sent, also of different kinds."""
    compared = _of_chunks(seen)
    if not isinstance(compared, Comparison):
        return compared
    if not (moved := compared.moved()):
        return None
    reason = "chunks come in another order than that in which the upstream sent them"
    return Evidence("the upstream's chunks in their order", f"in another place: {_shown(moved[0])}", reason)


def added_text(seen: Seen) -> str | None:
    """Return the reason why more came of the answer than was sent, ``None`` if that is not so."""
    compared = _of_chunks(seen)
    if not isinstance(compared, Comparison):
        return None
    moved = compared.moved()
    if not (added := [one for one in compared.surplus() if one.essence and one not in moved]):
        return None
    if compared.turned(added):
        return "a keep-alive comment is turned into a chunk with a text, which becomes a part of the answer"
    if all(compared.was_sent(one) for one in added):
        return "a chunk comes out twice"
    return "a chunk with a text that the upstream did not send is added"


def in_place_of_comments(seen: Seen) -> str | None:
    """Return the first block that came in place of a keep-alive comment, ``None`` if comments were not replaced."""
    compared = Comparison.of(seen)
    if compared is None:
        return None
    foreign = compared.added(lambda event: not compared.is_of_the_api(event))
    numbers = {one.number for one in (*foreign, *compared.without_data(), *compared.surplus())}
    added = [compared.came[number] for number in sorted(numbers)]
    return _shown(added[0]) if compared.turned(added) else None


def _of_chunks(seen: Seen) -> Comparison | str:
    """Return the comparison of chunks, or the reason why there is none."""
    compared = Comparison.of(seen)
    if seen.form is not AnswerForm.CHAT or compared is None:
        return other_form(seen)
    return compared if compared.sent else "the relay does not ask for chat completions"


def _evidence(compared: Comparison, added: Sequence[SeenBlock], what: str, harm: str) -> Evidence:
    """Return evidence of added blocks. ``what``: one of them in words; ``harm``: what it does to readers."""
    got = _shown(added[0]) if len(added) == 1 else f"{_shown(added[0])}\n{len(added)} of them in all"
    reason = f"{what} is added: {harm}"
    if compared.turned(added):
        reason = f"a keep-alive comment is turned into {what}: {harm}. Pass it on as a comment, `: …`"
    return Evidence(_EXPECTED, got, reason)


def _shown(block: SeenBlock) -> str:
    return shorten(quote(block.data), _SHOWN)
