"""Several browsers at once: the answers that they get, and the judges of what comes out."""

from __future__ import annotations

from orharness.relay.seen import Found, Seen
from orharness.relay.views import says
from orharness.verdict import Evidence, quote

BROWSERS = 4
_SHOWN = 200  # characters


def words_of(browser: int) -> tuple[str, ...]:
    """Return the tokens of one of several answers: no other one has any of them."""
    return tuple(f"b{browser}t{number} " for number in range(6))


def each_whole(seen: Seen) -> Found:
    """Of several browsers at once, each must get one answer, whole, and with nothing of the others'."""
    expected = f"{BROWSERS} browsers at once get an answer each, whole"
    texts = ["".join(words_of(number)) for number in range(BROWSERS)]
    got = []
    for content in seen.several:
        whole = [text for text in texts if says(content, text)]
        words = [number for number in range(BROWSERS) if any(says(content, word) for word in words_of(number))]
        if len(words) > 1:
            reason = "answers are mixed up: a browser gets the text of another one's"
            return Evidence(expected, quote(content[-_SHOWN:]), reason)
        got += whole
    if len(seen.exchanges) < BROWSERS:
        asked = f"the upstream was asked {len(seen.exchanges)} times"
        return Evidence(expected, asked, "not every browser's request is passed on to the upstream")
    if sorted(got) != sorted(texts):
        reason = "of several browsers at once not each gets its answer whole"
        if not got:
            reason = "of several browsers not one gets its answer whole: fidelity/text says whether a single one does"
        return Evidence(expected, f"{len(set(got))} of {BROWSERS} whole answers", reason)
    return None


def at_once(seen: Seen) -> Found:
    """Requests of several browsers must be passed on at once, and not one after the other."""
    if seen.together >= BROWSERS:
        return None
    return Evidence(
        f"{BROWSERS} requests to the upstream while no answer has ended",
        f"{seen.together}: the next came when an answer had ended",
        "browsers are served one after the other: while one reads its answer the others wait",
    )
