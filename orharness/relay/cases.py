"""The cases of the relay check: what the upstream plays, what the browser does, and which judges decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from orharness.dialects import DIALECTS, Dialect
from orharness.dialects.completion import Failure
from orharness.errors import Inexpressible
from orharness.gateways import ONEROUTER
from orharness.journal import How, Pacing
from orharness.relay import added, answers, asking, judge, promptly, several, texts, whole
from orharness.relay.seen import Judge
from orharness.scenario import Reply
from orharness.stream import Ending, Stream, Transform
from orharness.transforms import (
    Position,
    after_event,
    comments,
    drop,
    hold,
    inside_event,
    pace,
    rechunk,
    truncate,
)
from orharness.verdict import Level

# Found wherever a relay puts them: no JSON escape and no markup changes them.
WORDS = tuple(f"tok{number:03d} " for number in range(1, 101))
SHORT = WORDS[:6]
# Characters of two, three and four bytes; no token is part of another.
UNICODE = ("Grüße, ", "世界 ", "🙂 ", "naïve ", "Ελλάδα ", "“end”")
# White space alone, line ends, and a token that equals the one before it.
SPACED = ("one", " ", "\n", "ha", "ha", "two\n\n", "\tthree", "  ", "end")
# Not line ends in an event stream, though some libraries take them for such.
SEPARATORS = ("Q\u2028Z ", "X\u2029W ", "K\u0085J")
LONG = ("begin,", "x" * 300_000, ",end")
KEEP_ALIVE = ": ONEROUTER PROCESSING"
_STEPS = 10  # gates from the one at which the browser leaves: they show when a relay notices late
_PACE = 0.02  # seconds between two chunks of a stream without gates
_COMMENTS = 50
LONGEST = _PACE * (len(WORDS) + _COMMENTS + 3)  # seconds that the longest answer takes


class BrowserAct(StrEnum):
    """What the browser does."""

    READ = "read"  # to the end
    STEP = "step"  # each token is held back until the one before it came out
    TIME = "time"  # ... and how long each needs is noted
    LEAVE = "leave"
    SEVERAL = "several"  # several of them, at once, to the end


@dataclass(frozen=True)
class RelayCase:
    """A requirement on a relay.

    ``reply``: what the upstream plays, given the API in which the relay asks it.
    ``judges``: in this order; the first that finds something decides. ``tokens``: what is sent, a token an event.
    ``until``: chunks that the upstream must have written before the browser leaves, ``None`` if it is held at a gate.
    ``marker``: what must have come out by then, if the relay passes it on. ``others``: replies to further requests.
    """

    id: str
    title: str
    reply: Callable[[Dialect], Reply]
    judges: tuple[Judge, ...]
    level: Level = Level.MUST
    act: BrowserAct = BrowserAct.READ
    tokens: tuple[str, ...] = SHORT
    how: How = How.FIN
    until: int | None = None
    marker: str = ""
    others: tuple[Callable[[Dialect], Reply], ...] = ()


Shaped = Callable[[Dialect], Sequence[Transform]]
"""The transforms of an answer, which may depend on how many events an API sends before the first token."""


def _said(tokens: tuple[str, ...], through: Shaped | None = None, **options: object) -> Callable[[Dialect], Reply]:
    def reply(dialect: Dialect) -> Reply:
        steps = () if through is None else through(dialect)
        return Reply.completion(dialect, tokens, through=steps, **options)  # type: ignore[arg-type]

    return reply


def _always(*through: Transform) -> Shaped:
    return lambda dialect: through


def _comments(times: dict[str, int], *more: Transform) -> Shaped:
    """Return keep-alive comments, where the API's frame has a form for them."""
    made = comments(KEEP_ALIVE, **times)

    def through(dialect: Dialect) -> Sequence[Transform]:
        try:
            made(Stream((), frame=dialect.frame))
        except Inexpressible:
            return more
        return (made, *more)

    return through


def _model(through: Shaped) -> Callable[[Dialect], Reply]:
    """Return a long answer that does not wait for its reader: a relay that stops reading leaves it to the model."""
    return _said(WORDS, through, pacing=Pacing.RECORDED)


def _gates(tokens: int, number: int) -> Shaped:
    """Return a gate after each token from that one on."""
    return lambda dialect: [hold(after=dialect.lead + tokens + step) for step in range(number)]


def _before_all(dialect: Dialect) -> Sequence[Transform]:
    return [hold(after=step) for step in range(_STEPS)]


def _cut(at: Callable[[int], Position], ending: Ending = Ending.EOF) -> Shaped:
    """Return a cut after three tokens."""
    return lambda dialect: [truncate(at(dialect.lead + 3), ending)]


def _fidelity(name: str, title: str, by: Judge, through: Shaped | None = None, level: Level = Level.MUST) -> RelayCase:
    return RelayCase(f"fidelity/{name}", title, _said(SHORT, through), (by,), level)


def _without_blanks(dialect: Dialect) -> Reply:
    """Return an answer whose fields have no blank after their colon, where it has fields."""
    sent = Reply.completion(dialect, SHORT).answer(dialect.example_request).stream
    pieces = [re.sub(rb"(?m)^(data|event): ", rb"\1:", chunk.data) for chunk in sent.chunks]
    return Reply.stream(*pieces, dialect=dialect)


def _packed(dialect: Dialect) -> Reply:
    return answers.packed_answer(SHORT) if dialect is DIALECTS.default else Reply.completion(dialect, SHORT)


Chunks = Callable[[Sequence[Transform]], Reply]
_WHOLE: Chunks = partial(answers.whole_answer, SHORT)
_CHOICES: Chunks = partial(answers.two_answers, SHORT)
_TOGETHER: Chunks = partial(answers.two_answers, SHORT, together=True)


def _whole(name: str, title: str, by: Judge, level: Level = Level.MUST, *, answer: Chunks = _WHOLE) -> RelayCase:
    """Return a case of an answer with all that a chunk may say; in any other API it is an answer with a text.

    Keep-alive comments come between its events, but not between all: that tells what came in place of one from what was
    added elsewhere.
    """
    through = _comments({"before": 2, "every": 2})

    def reply(dialect: Dialect) -> Reply:
        if dialect is DIALECTS.default:
            return answer(through(dialect))
        return Reply.completion(dialect, SHORT, through=through(dialect))

    return RelayCase(f"fidelity/{name}", title, reply, (by,), level)


def _several(name: str, title: str, by: Judge, level: Level = Level.MUST) -> RelayCase:
    """Return a case of several browsers, whose answers are held until each of them has been asked for."""
    replies = [_said(several.words_of(number), _gates(2, 1)) for number in range(several.BROWSERS)]
    return RelayCase(
        f"fidelity/{name}", title, replies[0], (by,), level, act=BrowserAct.SEVERAL, others=tuple(replies[1:])
    )


def _error(name: str, title: str, reply: Callable[[Dialect], Reply], by: Judge, level: Level = Level.MUST) -> RelayCase:
    return RelayCase(f"errors/{name}", title, reply, (by,), level)


def _refusal(dialect: Dialect, *, status: int, says: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """Return an error before the stream. The OpenAI SDKs obey ``x-should-retry``: no third attempt is judged."""
    error = dialect.error_document(ONEROUTER, status, f"relay-check: {says or 'try again later'}")
    return Reply.respond(status, json=error, headers={**(headers or {}), "x-should-retry": "false"})


_limit = partial(_refusal, status=429, says="the limit is reached", headers={"Retry-After": judge.RETRY_AFTER})
_broken = partial(_refusal, status=500, says="the model is down")


def _cancel(
    name: str, title: str, reply: Callable[[Dialect], Reply], until: int | None = None, marker: str = ""
) -> tuple[RelayCase, ...]:
    return tuple(
        RelayCase(
            f"cancel/{name}-{how}",
            f"The browser leaves {title} ({how.upper()}): so does the relay.",
            reply,
            (asking.left,),
            act=BrowserAct.LEAVE,
            tokens=WORDS,
            how=how,
            until=until,
            marker=marker,
        )
        for how in (How.FIN, How.RST)
    )


_CASES: tuple[RelayCase, ...] = (
    RelayCase(
        "fidelity/text",
        "The text comes out whole and unbroken, though chunks cut its characters.",
        _said(UNICODE, _always(rechunk(7))),
        (partial(texts.text, sent="".join(UNICODE), tokens=UNICODE),),
        tokens=UNICODE,
    ),
    _fidelity(
        "events",
        "Each of the model's events is one event again.",
        partial(judge.chunks, tokens=SHORT),
        _always(rechunk(50)),
    ),
    _fidelity("grammar", "What comes out obeys the rules of its API.", judge.grammar),
    RelayCase(
        "fidelity/spaces",
        "Blanks, line ends and equal tokens come out.",
        _said(SPACED),
        (partial(texts.spaces, tokens=SPACED),),
    ),
    RelayCase(
        "fidelity/separators",
        "Characters that do not end a line come out: U+2028, U+2029, U+0085.",
        _said(SEPARATORS),
        (partial(texts.separators, tokens=SEPARATORS),),
    ),
    RelayCase(
        "fidelity/long-event",
        "An event of 300 KB comes out.",
        _said(LONG),
        (partial(texts.long_event, sent="".join(LONG)),),
    ),
    RelayCase(
        "fidelity/no-blank",
        "`data:` without a blank after it is understood.",
        _without_blanks,
        (partial(texts.without_blanks, tokens=SHORT),),
        level=Level.SHOULD,
    ),
    RelayCase(
        "fidelity/gzip",
        "What the relay lets its upstream compress can be read.",
        _packed,
        (partial(texts.unpacked, tokens=SHORT),),
        level=Level.SHOULD,
    ),
    RelayCase(
        "fidelity/hop-by-hop",
        "Headers about the upstream's connection are not passed on.",
        _said(SHORT, headers={"Connection": "keep-alive, X-Upstream-Hop", **judge.HOP_BY_HOP}),
        (judge.hop_by_hop,),
        level=Level.SHOULD,
    ),
    _fidelity("done", "[DONE] comes out once, at the end.", judge.end_marker),
    _fidelity(
        "done-invented",
        "Where the model sends no [DONE], none comes out.",
        judge.no_end_marker,
        lambda dialect: [drop(dialect.is_end)],
        level=Level.SHOULD,
    ),
    _fidelity(
        "comments",
        "Keep-alive comments come out.",
        judge.comments,
        _comments({"before": 3}),
        level=Level.SHOULD,
    ),
    _fidelity("content-type", "An event stream says that it is one.", judge.content_type, level=Level.SHOULD),
    _whole("role", "The role comes out, in the first chunk.", whole.role, Level.SHOULD),
    _whole("finish", "The finish_reason comes out, once.", whole.finish),
    _whole("finish-last", "No chunk with a choice comes after the finish_reason.", whole.finish_last, Level.SHOULD),
    _whole("required", "What the API requires in each chunk comes out.", whole.required, Level.SHOULD),
    _whole("finish-null", "A finish_reason of null stays one.", whole.null_finish, Level.SHOULD),
    _whole("usage", "The usage comes out, as it is, once.", whole.usage),
    _whole("reasoning", "The reasoning comes out.", whole.reasoning, Level.SHOULD),
    _whole("tools", "Two tool calls in turns come out, each with its own arguments.", whole.tools),
    _whole("order", "All of it comes out in its order.", added.order),
    _whole("refusal", "A refusal comes out.", whole.refusal, answer=answers.refused_answer),
    _whole("choices", "Of two choices each comes out, with its own text.", whole.choices, answer=_CHOICES),
    _whole(
        "choices-together",
        "Two choices in one chunk come out.",
        whole.choices,
        Level.SHOULD,
        answer=_TOGETHER,
    ),
    _whole("annotations", "Annotations come out.", whole.sources, Level.SHOULD),
    _whole("logprobs", "Log probabilities come out.", whole.logprobs, Level.SHOULD),
    _whole("unknown-fields", "Fields that are not OpenAI's come out.", whole.unknown_fields, Level.SHOULD),
    _whole("only-chunks", "No event is added that is not one of the API's.", added.only_events),
    _whole("only-messages", "No event with a name is added.", added.only_messages, Level.SHOULD),
    _whole("only-content", "No chunk without content is added.", added.only_content, Level.SHOULD),
    _several("several-browsers", "Several browsers at once get an answer each, whole.", several.each_whole),
    _several("at-once", "Several browsers are served at once.", several.at_once, Level.SHOULD),
    RelayCase(
        "buffering/each-event",
        "Each event comes out before the next one is sent.",
        _said(SHORT, _gates(1, len(SHORT))),
        (partial(judge.each_event, number=len(SHORT)),),
        act=BrowserAct.STEP,
    ),
    RelayCase(
        "buffering/promptly",
        "An event comes out when it has come, and not by a timer.",
        _said(WORDS[: promptly.EVENTS], _gates(1, promptly.EVENTS)),
        (promptly.promptly,),
        level=Level.SHOULD,
        act=BrowserAct.TIME,
        tokens=WORDS[: promptly.EVENTS],
    ),
    _error("limit", "An error before the stream (429) can be seen.", _limit, judge.error_visible),
    _error("limit-status", "It keeps its status, 429.", _limit, judge.limit_kept, Level.SHOULD),
    *(
        _error(
            f"retry-after-{status}",
            f"A {status} keeps its Retry-After.",
            partial(_refusal, status=status, headers={"Retry-After": judge.RETRY_AFTER}),
            partial(judge.retry_after_kept, status=status),
            Level.SHOULD,
        )
        for status in (429, 503)
    ),
    _error("server", "An error before the stream (500) can be seen.", _broken, judge.error_visible),
    _error(
        "server-status", "It stays a server's fault, a status from 500 up.", _broken, judge.fault_kept, Level.SHOULD
    ),
    _error(
        "in-stream",
        "An error event within the stream can be seen.",
        _said(SHORT, error=Failure("relay-check: the provider broke off", 502, after=3)),
        judge.error_told,
    ),
    _error(
        "cut",
        "An answer that is cut off between two events does not look whole.",
        _said(SHORT, _cut(after_event, Ending.ABORT)),
        judge.error_visible,
    ),
    _error(
        "cut-inside-an-event",
        "An answer that is cut off inside an event does not look whole.",
        _said(SHORT, _cut(inside_event, Ending.ABORT)),
        judge.error_visible,
    ),
    _error(
        "ends-early",
        "An answer that ends in order, but before its end, does not look whole.",
        _said(SHORT, _cut(after_event)),
        judge.ends_early,
    ),
    _error(
        "reset",
        "An upstream connection that is reset does not look like the end.",
        _said(SHORT, _cut(after_event, Ending.RESET)),
        judge.error_visible,
    ),
    *_cancel("before-the-first-event", "before the first event", _model(_before_all)),
    *_cancel(
        "during-comments",
        "while only comments come",
        _model(_comments({"every": 10_000, "before": _COMMENTS}, pace(_PACE))),
        until=3,
    ),
    *_cancel("between-events", "while events come", _model(_always(pace(_PACE))), until=4, marker=WORDS[1]),
    *_cancel(
        "while-silent",
        "while the model is silent",
        _model(_gates(3, _STEPS)),
        marker=WORDS[2],
    ),
    *_cancel(
        "before-done",
        "after the last token, before [DONE]",
        _model(_gates(len(WORDS), 2)),
        marker=WORDS[-1],
    ),
)
# After the case's own judges, because they name what the browser saw.
CASES = tuple(replace(case, judges=(*case.judges, asking.asked_once)) for case in _CASES)
