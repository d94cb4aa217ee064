"""Fuzzing a client: random streams that a service may send, what must come of each, and the smallest one that fails.

Hypothesis (https://hypothesis.readthedocs.io) draws case documents: neutral events in an order that the API allows, and
transforms that change how they are written and cut. Each is checked against the dialect's own reader before it is
played, so that a fail is never one of the generator. What fails is made smaller as long as it fails in the same way,
and is then judged as every case is: confirmed, with its cause where a trial shows one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

from orharness.contract.catalogue import plainest
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.parse import parse
from orharness.contract.driving.subject import Subject
from orharness.contract.judging.reasons import kind_of
from orharness.contract.running.bench import Bench
from orharness.contract.running.handover import quick_handover
from orharness.contract.running.replies import representative
from orharness.contract.running.trials import Trials
from orharness.dialects import Dialect
from orharness.errors import OrharnessError, ScenarioError
from orharness.server.facade import SseServer
from orharness.verdict import Result, Verdict

Document = dict[str, Any]
_PIECES = (
    "a",
    "Hello",
    " ",
    " world",
    "\n",
    "ü",
    "世界",
    "🙂",
    "[DONE]",
    "data: x",
    "\u2028",
    "\u0085",
    '"',
    "\\",
    "null",
    "7",
    "\t",
    "{}",
)
_LONGEST = 4  # characters of a text that is drawn
_COMMENTS = (" keep-alive", "", " data: x", " OPENROUTER PROCESSING")
_ROW = "data: ${text:%s}\n\n"
_FIELDS = ("id: 7\n", "event:\n", "retry: 10\n", ":\n", "")
_USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
_GATEWAYS = ("openai", "openrouter", "onerouter", "groq")  # each has its own form of an error inside a stream
_MOST = 100_000  # streams
_SHRINKING = 0.4  # of the time may pass between the first fail and the last attempt to make it smaller
INSTALL = "orharness fuzz needs Hypothesis: pip install hypothesis"


class _Over(BaseException):
    """The time is over: raised to end Hypothesis' search, whatever that is doing."""


@dataclass(frozen=True)
class Found:
    """The result: how many streams were played, and the least one that failed with its verdict, if one did."""

    streams: int
    document: Document | None = None
    verdict: Verdict | None = None


def fuzz(
    subject: Subject,
    dialect: Dialect,
    *,
    seconds: float = 60.0,
    seed: int = 0,
    patience: float = 1.0,
    most: int = _MOST,
) -> Found:
    """Search for a stream that the client reads wrong, for ``seconds`` and in at most ``most`` streams.

    Raises ``ScenarioError`` without Hypothesis, and for a client that fails a plain answer.
    """
    try:
        import hypothesis  # noqa: F401 - heavy, and no dependency of the package
    except ImportError:
        raise ScenarioError(INSTALL) from None
    with quick_handover(), SseServer(strict=False) as server:
        search = _Search(Trials(server, subject, patience), dialect, seconds, most)
        search.check_plain()
        search.run(seed)
        if search.least is None:
            return Found(search.streams)
        document = {**search.plainer(search.least), "title": "Found by orharness fuzz."}
        verdict = Bench(server, subject, seed, patience).judge(parse(document, dialect), None)
        return Found(search.streams, document, verdict if verdict.result is Result.FAIL else None)


class _Search:
    def __init__(self, trials: Trials, dialect: Dialect, seconds: float, most: int) -> None:
        self.streams = 0
        self.least: Document | None = None
        self._trials = trials
        self._dialect = dialect
        self._seconds = seconds
        self._most = most
        self._deadline = inf  # set when the search begins
        self._kind: tuple[object, ...] | None = None

    def check_plain(self) -> None:
        plain = plainest([parse(_document([], [{"text": "a"}], {}), self._dialect)])
        assert plain is not None
        if (evidence := self._trials.once(plain, None, self._trials.patience * 4).evidence) is not None:
            raise ScenarioError(f"the client fails a plain answer, so that no other would say more: {evidence.reason}")

    def run(self, seed: int) -> None:
        """Draw streams until one fails and cannot be made smaller, or until the time is over."""
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import seed as seeded

        @seeded(seed)
        @settings(
            max_examples=_MOST,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
        )
        @given(_documents())
        def holds(document: Document) -> None:
            assert not self._fails(document)

        self._deadline = monotonic() + self._seconds
        try:
            holds()
        except (_Over, AssertionError):
            return

    def plainer(self, document: Document) -> Document:
        """Return the same texts in an answer that ends well, if the client fails that, too: else the document.

        The text that a client loses in a stream that breaks off may have nothing to do with its end.
        """
        if not document["expect"].get("error"):
            return document
        whole = _whole(document)
        case = parse(whole, self._dialect)
        fails = _is_sound(case) and self._trials.once(case, None, 4 * self._trials.patience).evidence is not None
        return whole if fails else document

    def _fails(self, document: Document) -> bool:
        if monotonic() > self._deadline or (self._kind is None and self.streams >= self._most):
            raise _Over
        case = parse(document, self._dialect)
        if not _is_sound(case):
            return False
        self.streams += 1
        tried = self._trials.once(case, None, self._trials.patience)
        if tried.evidence is None:
            return False
        kind = (tried.evidence.reason,) if tried.heard is None else kind_of(tried.heard)
        if self._kind is None:
            if self._trials.once(case, None, 4 * self._trials.patience).evidence is None:
                return False  # a slow moment of the machine
            self._kind = kind
            self._deadline = min(self._deadline, monotonic() + _SHRINKING * self._seconds)
        if kind != self._kind:
            return False
        self.least = document
        return True


def _is_sound(case: Case) -> bool:
    """Return whether the API can send it, and its own reader makes of it what the client must."""
    try:
        if case.inapplicable is not None:
            return False
        stream = representative(case)
    except OrharnessError:  # a transform that does not fit the stream
        return False
    answer = case.dialect.fold(stream.frame.decode(stream.body))
    reported = "answer" not in case.document["reply"] or answer.error is not None
    return reported and answer.text == case.expected.text


def _document(through: list[Any], events: list[Document], expect: Document, **more: Any) -> Document:
    reply = {"events": events, **({"through": through} if through else {}), **more}
    return {"id": "fuzz/found", "title": "Drawn.", "source": "", "reply": reply, "expect": expect}


def _documents() -> Any:
    """Return the strategy of case documents."""
    from hypothesis import strategies as st

    known = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join)
    ascii_ones = st.text(st.characters(max_codepoint=0x7E), min_size=1, max_size=_LONGEST)
    drawn = st.one_of(ascii_ones, st.text(min_size=1, max_size=_LONGEST))
    texts = st.one_of(known, drawn.filter(lambda text: "${" not in text))  # which would be a placeholder
    plain_texts = st.sampled_from(("a", "Hello", " world"))
    said = texts.map(lambda text: ({"text": text}, text))
    written = st.tuples(st.sampled_from(_FIELDS), plain_texts, st.booleans()).map(_written)
    comment = st.sampled_from(_COMMENTS).map(lambda text: ({"comment": text}, ""))
    body = st.lists(st.one_of(said, said, said, written, comment), min_size=1, max_size=6)
    through = st.lists(_transforms(st), max_size=2)
    last = st.sampled_from(("finish", "text-and-finish", "usage", "cut", "reset", "late"))
    answers = st.builds(_answer, body, last, through)
    pieces = st.lists(texts, min_size=1, max_size=4)
    errors = st.builds(_error, pieces, st.sampled_from(_GATEWAYS), through)
    return st.one_of(answers, answers, answers, answers, answers, errors)


def _whole(document: Document) -> Document:
    """Return an answer that breaks off, or ends in an error, as one that ends well."""
    reply, expect = document["reply"], document["expect"]
    events = reply["events"] if "events" in reply else [{"text": one} for one in reply["answer"]["text"][:-1]]
    return _document(reply.get("through", []), [*events, {"finish": "stop"}, {"end": True}], {"text": expect["text"]})


def _error(pieces: list[str], gateway: str, through: list[Any]) -> Document:
    """Return an answer of these texts that ends in an error event, in the form of a gateway."""
    failure = {"message": "Provider disconnected", "code": 502, "after": len(pieces)}
    reply = {"answer": {"text": [*pieces, "!"], "error": failure}, "gateway": gateway}
    expect = {"text": "".join(pieces), "error": True}
    return {**_document([], [], expect), "reply": {**reply, **({"through": through} if through else {})}}


def _transforms(st: Any) -> Any:
    return st.one_of(
        st.just({"newlines": "\r\n"}),
        st.just("bom"),
        st.just("per_event"),
        st.just("per_byte"),
        st.integers(1, 64).map(lambda size: {"rechunk": size}),
        st.integers(0, 1000).map(lambda seed: {"random_chunks": seed}),
        st.just({"comments": {"text": ": keep-alive", "every": 1}}),
        st.just({"coalesce": 8}),
    )


def _only_cuts(step: Any) -> bool:
    name = step if isinstance(step, str) else next(iter(step))
    return name in ("per_event", "per_byte", "rechunk", "random_chunks", "coalesce")


def _written(drawn: tuple[str, str, bool]) -> tuple[Document, str]:
    """Return an event with another field, or without the space."""
    fields, text, spaced = drawn
    row = _ROW % text
    return {"raw": fields + (row if spaced else row.replace("data: ", "data:"))}, text


def _answer(body: list[tuple[Document, str]], last: str, through: list[Any]) -> Document:
    """Return an answer of these events that ends in one of the ways that services have."""
    events = [one for one, _ in body]
    if all("comment" in one for one in events):
        events.append({"text": ""})  # an answer without text has an event that says who speaks
    text = "".join(said for _, said in body)
    finish, end = {"finish": "stop"}, {"end": True}
    match last:
        case "cut" | "reset":
            ending = {"cut": "abort", "reset": "reset"}[last]
            through = [one for one in through if _only_cuts(one)]  # so that a text which is lost is lost by the end
            return _document(through, events, {"text": text, "error": True}, ending=ending)
        case "text-and-finish":
            return _document(through, [*events, {"text": "!", "finish": "stop"}, end], {"text": f"{text}!"})
        case "usage":
            return _document(through, [*events, finish, {"usage": _USAGE}, end], {"text": text})
        case "late":
            return _document(through, [*events, finish, end, {"text": "late"}], {"text": text}, ending="hang")
    return _document(through, [*events, finish, end], {"text": text})
