"""The cause of a fail, found by trials: the same stream with one feature taken away, which then holds.

A cause that no trial shows is not reported: then the reason says what the client did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orharness.contract.catalogue import plainest, plainest_of
from orharness.contract.catalogue.case import Case, Further
from orharness.contract.catalogue.chunkings import WHOLE, Cuts
from orharness.contract.catalogue.parse import parse
from orharness.contract.driving.commands import CommandSubject
from orharness.contract.judging.features import (
    LONG_COMMENTS,
    Feature,
    difference,
    features_of,
    told_causes,
    without,
)
from orharness.contract.judging.judge import NOTHING_EARLY, makes_the_mistake, wrong_parts
from orharness.contract.judging.reasons import (
    ERROR_AT_THE_END,
    HELD_OR_LOST,
    JOINED,
    LEFT_OVERS,
    SENT_SPECIALLY,
    UNPACKED_LATE,
    UNTIL_FULL,
    declared_by,
    is_of_json,
    is_part_of,
    late,
    lost_characters,
    of_characters,
    of_pieces,
    seen_in,
    shown,
)
from orharness.contract.running.controls import Controls, Failed, told
from orharness.contract.running.cutting import Cutting
from orharness.contract.running.endings import (
    LINE_ENDS,
    name_of_end,
    only_the_end_is_missed,
    start_of_end,
    unseen_end,
    unseen_line_end,
)
from orharness.contract.running.lengths import Lengths
from orharness.contract.running.replies import cut, plain_request, representative
from orharness.contract.running.trials import Trials, Tried
from orharness.scenario import Reply
from orharness.stream import Chunk, Ending, Stream

_SPECIAL = frozenset(("headers", "framing", "head", "encoding", "pacing"))  # of a case's reply
_MOST = 24  # trials for one fail
_MOST_OF_HANGS = 3  # ... where each that does not hold lasts as long as patience does
_TOKENS, _STEP = 64, 0.03  # of the answer by which it is seen when the first text comes: seconds between two tokens
_AT_ONCE = 4  # tokens of that answer, at most, that have come when a client yields its text as it comes
_LONG_TEXT = 4096  # bytes: a text from here on may be too long for its client
_WORD = "x" * 63 + " "  # of a plain answer that is long: so few events as not to take long
_ENDED_EARLY = "does the program end, as by process.exit(), before its stdout has taken everything?"
_WAITED_OUT = 12.0  # times patience for a client that may be about to ask again
_DEAF = " is not obeyed: the client reads on to the end of the response"
_MOST_WAITED_OUT = 2  # fails of one client for which that long wait may end without a result


class Diagnosis:
    """Finds the causes of one client's fails. ``plain_held``: the client was seen to read a plain answer."""

    def __init__(self, trials: Trials) -> None:
        self.plain_held = False
        self._trials = trials
        self._controls = Controls(trials)
        self._cutting = Cutting(trials, self._controls)
        self._lengths = Lengths(trials)
        self._waited_out = 0
        self._first_text: str | None = None  # what is known of when it comes
        self._at_once = False  # whether that is with the first tokens
        self._with_the_first = False  # ... or with the very first
        self._reads_plainly: dict[str, bool] = {}  # by a feature's name: an answer that has just that one
        self._obeys_a_plain_end: bool | None = None  # where the connection stays open after it

    def of(self, case: Case, stream: Stream, first_cuts: Cuts, tried: Tried) -> Tried:
        """Return the confirmed fail with its cause, or as it is where no trial shows one.

        ``first_cuts``: those with which it failed before the fewest were looked for.
        """
        evidence, heard, exchange = tried.evidence, tried.heard, tried.exchange
        if evidence is None or heard is None or exchange is None or case.plain or not evidence.likely:
            return tried
        cuts = stream.boundaries[:-1] if first_cuts is None else first_cuts
        between = tuple(block.end for block in stream.frame.blocks(stream.body))
        failed = Failed(case, stream, tried, heard, tuple(cuts), between)
        if not heard.ended:
            return self._of_a_hang(failed)
        if seen_in(case, heard) is not None:
            return tried
        self._controls.left = _MOST
        if self._holds_after_a_plain_answer(failed):
            return told(failed, LEFT_OVERS)
        if of_size := self._of_size(failed):
            return told(failed, of_size)
        if evidence.cuts and not failed.on_events:
            if case.control is not None and self._holds_as(case.control, case, per_byte=True):
                return _told_by_control(failed, case.control)
            return told(failed, self._cutting.of_cuts(failed))
        return self._of_content(failed)

    def _of_size(self, failed: Failed) -> str | None:
        """Return that the end of any text as long as this one is lost; ``None`` where that is not so.

        Just as much must be said of a plain answer: a client that loses what is at the end of a block of the stream
        says another part of that.
        """
        expected, said = ((one or "").encode() for one in (failed.case.expected.text, failed.heard.text))
        if failed.heard.error is not None or len(said) < _LONG_TEXT or said == expected:
            return None
        if not expected.startswith(said):
            return None
        plain = _WORD * (len(expected) // len(_WORD) + 1)
        heard = self._controls.heard_of(failed, plain[: len(expected)])
        if heard is None or heard.error is not None or heard.text != plain[: len(said)]:
            return None
        size = f"{len(said):,} bytes are said of this one, and of a plain answer as long"
        lost = f"the end of a long text is lost, whatever its lines are: {size}"
        return f"{lost}; {_ENDED_EARLY}" if isinstance(self._trials.subject, CommandSubject) else lost

    def of_delivery(self, case: Case, cuts: Cuts, tried: Tried) -> Tried:
        """Return the fail of a stream that was held at gates with its cause, if one is found."""
        return self.of_nothing_early(case, self._cutting.of_delivery(case, cuts, tried))

    def of_nothing_early(self, case: Case, tried: Tried) -> Tried:
        """Return a fail; if the client had yielded nothing before its cancel, with when it yields its first text."""
        evidence = tried.evidence
        if evidence is None or evidence.reason != NOTHING_EARLY:
            return tried
        return replace(tried, evidence=replace(evidence, reason=self._when_it_comes(case)))

    def _when_it_comes(self, case: Case) -> str:
        """Return when the client yields the first text of a long answer, in words; measured once."""
        if self._first_text is None:
            reply = Reply.completion(case.dialect, tokens=_TOKENS, delay=_STEP)
            found = self._trials.first_text(case, reply)
            self._at_once = found is not None and found[0] <= _AT_ONCE
            self._with_the_first = found is not None and found[0] <= 1
            self._first_text = NOTHING_EARLY if found is None else late(*found)
        if self._at_once and case.document["reply"].get("encoding") is not None:
            return UNPACKED_LATE
        return HELD_OR_LOST if self._with_the_first else self._first_text

    # -- a client that has ended -------------------------------------------------------------------------------------

    def _of_content(self, failed: Failed) -> Tried:
        declared = declared_by(failed.case, failed.heard)
        special = declared is not None and declared not in told_causes(failed.case.dialect)
        return (
            self._of_sending(failed, declared, special=special)
            or self._of_what_it_reads(failed)
            or self._of_text(failed, declared, special=special)
            or self._left_overs(failed)
        )

    def _of_sending(self, failed: Failed, declared: str | None, *, special: bool) -> Tried | None:
        """Return the fail with a cause in how the stream is sent, ``None`` if that is not one.

        ``special``: the case declares a cause of its own, which is not that of a feature.
        """
        case = failed.case
        # The words about what is said besides text are of a client that says it wrongly, not of one that raised.
        silent = failed.heard.error is None or not (case.expected.parts or case.expected.unsaid)
        if silent and case.control is not None and self._holds_as(case.control, case):
            return _told_by_control(failed, case.control)
        if _is_sent_specially(failed) and self._controls.body_holds(
            failed, failed.stream.body, failed.style, plainly=True
        ):
            return told(failed, declared or SENT_SPECIALLY)
        if of_reads := self._cutting.of_own_reads(failed):
            return told(failed, of_reads)
        if self._loses_what_is_joined(failed):
            return told(failed, declared or JOINED if special or failed.style == () else JOINED)
        return None

    def _of_what_it_reads(self, failed: Failed) -> Tried | None:
        """Return the fail with the part of the stream that causes it, ``None`` if no trial shows one."""
        case, body, end = failed.case, failed.stream.body, failed.stream.end_marker
        goes_on = end is not None and end < len(body) and not case.dialect.ends_with_body
        if goes_on and self._controls.body_holds(failed, body[:end], failed.style):
            return told(failed, f"it goes on after {name_of_end(failed)}", end)
        if wrong := wrong_parts(case.expected, failed.heard):
            return self._of_parts(failed, wrong)
        features = self._features(failed)
        found = self._because_of(failed, features)
        if found:
            without_it = without(found, body, case.dialect)
            at = None if without_it is None else difference(body, without_it)
            return told(failed, self._cause(failed, found), at)
        if of_length := self._lengths.of_lines(case.dialect, body):
            error = failed.heard.error
            if error is not None and is_of_json(error) and self._cutting.loses(case):  # a read cuts a longer line
                return told(failed, of_pieces(case, failed.heard))
            return told(failed, shown(case, failed.heard, of_length))
        return None

    def _of_text(self, failed: Failed, declared: str | None, *, special: bool) -> Tried | None:
        """Return the fail with what becomes of the text as such; ``None`` if the same text, sent plainly, fails, too.

        ``special``: as for ``_of_sending``.
        """
        case = failed.case
        sent_plainly = special and self._sent_plainly(failed)
        if not sent_plainly and self._only_text_matters(failed):
            changed = of_characters(case.expected.text or "", failed.heard.text)
            if changed is not None and not self._keeps_inside(failed):
                return told(failed, changed)
            sent_plainly = special
        return told(failed, shown(case, failed.heard, declared or "")) if sent_plainly else None

    def _loses_what_is_joined(self, failed: Failed) -> bool:
        """Return whether the client loses events that come in one read, also of a plain answer."""
        if not failed.has_joined or not _lacks_text(failed) or self._cutting.splits_reads(failed.case):
            return False
        return self._controls.body_holds(failed, failed.stream.body, None)

    def _holds_as(self, control: Further, case: Case, *, per_byte: bool = False) -> bool:
        """Return whether the client holds if everything is the same except what the case is about.

        ``per_byte``: also where each byte comes alone, since the case fails only where it is cut.
        """
        plainer = replace(case, reply=control.reply, expected=control.expected)
        cuts: Cuts = () if case.chunkings == (WHOLE,) else None
        if per_byte:
            cuts = tuple(range(1, len(representative(plainer).body)))
        return self._trials.once(plainer, cuts, self._trials.patience).evidence is None

    def _of_parts(self, failed: Failed, kinds: Sequence[str]) -> Tried:
        """Return the fail with the case's cause if the client says a plainer stream of these kinds as it was sent."""
        plain = [plainest_of(kind, failed.case) for kind in kinds]
        others = [one for one in plain if one is not None and one.id != failed.case.id]
        held = [self._trials.once(one, None, self._trials.patience).evidence is None for one in others]
        raised = failed.heard.error is not None
        cause = failed.case.raises if raised else failed.case.cause
        made = cause is not None and (raised or makes_the_mistake(failed.case, failed.heard, kinds))
        return told(failed, cause or "") if made and held and all(held) else failed.tried

    def _keeps_inside(self, failed: Failed) -> bool:
        """Return whether the lost characters arrive if each of them is between two letters of one event."""
        lost = lost_characters(failed.case.expected.text or "", failed.heard.text)
        text = "x".join(f" {lost[::-1]} ").strip()  # no bracket opens before the one that closes it
        events = [{"text": text}, {"finish": "stop"}, {"end": True}]
        document = {"id": "lost characters", "title": "", "reply": {"events": events}, "expect": {"text": text}}
        inside = parse(document, failed.case.dialect)
        return self._trials.once(inside, None, self._trials.patience).evidence is None

    def _only_text_matters(self, failed: Failed) -> bool:
        """Return whether the client yields a wrong text, and yields the right one of another plain answer."""
        plain = plainest([failed.case]) if failed.heard.error is None else None
        return plain is not None and self._trials.once(plain, None, self._trials.patience).evidence is None

    def _features(self, failed: Failed) -> list[Feature]:
        response = failed.case.reply().answer(plain_request(failed.case))
        coded = any(name.lower() == "content-encoding" for name, _ in response.headers)
        return [] if coded else features_of(failed.stream.body, failed.case.dialect)

    def _because_of(self, failed: Failed, features: Sequence[Feature]) -> list[Feature]:
        """Return the fewest features without which the client holds; nothing if there are none."""
        body = failed.stream.body
        for one in features:
            if self._controls.body_holds(failed, one.taken_from(body), failed.style):
                return [one]
        kept = list(features)
        if len(kept) < 2 or not self._holds_without(failed, kept):
            return []
        for one in features:
            others = [other for other in kept if other is not one]
            if len(others) > 1 and self._holds_without(failed, others):
                kept = others
        return kept

    def _cause(self, failed: Failed, found: Sequence[Feature]) -> str:
        """Return the causes of the features that were found.

        The case's own words are used if it has some for that feature alone, and if the client reads a plain answer that
        has the feature.
        """
        if [one.name for one in found] == [LONG_COMMENTS]:
            return self._of_long_comments(failed)
        declared = declared_by(failed.case, failed.heard)
        # What a case of the boundaries is about is where it is cut, and here that does not matter.
        of_cuts = failed.case.family == "boundaries"
        special = declared is not None and not of_cuts and declared not in told_causes(failed.case.dialect)
        if special and len(found) == 1 and found[0].of_bytes and found[0].name != "not-ascii":
            if not self._reads(failed.case, found[0]):
                return _cause_of(found[0], failed)
            return self._of_the_end(failed, found) if only_the_end_is_missed(failed) else declared or ""
        return "; and ".join(dict.fromkeys(_cause_of(one, failed) for one in found))

    def _of_long_comments(self, failed: Failed) -> str:
        cause = self._lengths.of_comments(failed.case.dialect, failed.stream.body)
        return shown(failed.case, failed.heard, cause)

    def _reads(self, case: Case, feature: Feature) -> bool:
        """Return whether the client reads a plain answer with a feature, in its commonest form; tried once.

        Throughout, or everywhere but in the event that ends the answer: that may be what the case is about.
        """
        if feature.name not in self._reads_plainly:
            self._reads_plainly[feature.name] = self._reads_an_answer_with(case, feature)
        return self._reads_plainly[feature.name]

    def _reads_an_answer_with(self, case: Case, feature: Feature) -> bool:
        plain = plainest([case])
        if plain is None:
            return True
        stream = plain.reply().answer(plain_request(plain)).stream
        blocks = stream.frame.blocks(stream.body)
        last = next((block.start for block in blocks if block.end == stream.end_marker), len(stream.body))
        for end in dict.fromkeys([len(stream.body), last]):
            body = feature.put_into(stream.body[:end])
            if body is None or self._reads_body(plain, stream, body + stream.body[end:]):
                return True
        return False

    def _reads_body(self, plain: Case, stream: Stream, body: bytes) -> bool:
        reply = Reply.stream(plain.dialect.marked(replace(stream, chunks=(Chunk(body),))))
        ends = tuple(block.end for block in stream.frame.blocks(body) if block.end < len(body))
        return self._trials.of_reply(plain, cut(reply, ends), self._trials.patience).evidence is None

    def _holds_without(self, failed: Failed, features: Sequence[Feature]) -> bool:
        body = without(features, failed.stream.body, failed.case.dialect)
        return body is not None and self._controls.body_holds(failed, body, failed.style)

    def _sent_plainly(self, failed: Failed) -> bool:
        """Return whether the client holds where the same text comes as a plain answer, as its dialect writes it."""
        case, text = failed.case, failed.case.expected.text
        if text is None or case.expected.error:
            return False
        return self._controls.said_plainly_holds(failed, text) or False

    def _holds_after_a_plain_answer(self, failed: Failed) -> bool:
        """Return whether the client holds right after a plain answer, and fails right after the stream itself.

        Every trial that follows would be judged by what the one before it left.
        """
        plain = plainest([failed.case])
        if plain is None:
            return False
        self._trials.once(plain, None, self._trials.patience)
        return not self._fails_again(failed) and self._fails_again(failed)

    def _fails_again(self, failed: Failed) -> bool:
        cuts = None if failed.stream.duration or failed.stream.gates else failed.cuts
        return self._trials.once(failed.case, cuts, self._trials.patience).evidence is not None

    def _left_overs(self, failed: Failed) -> Tried:
        """Return the fail, or that even a plain answer, which the client could read before, fails after it."""
        plain = plainest([failed.case]) if self.plain_held else None
        if plain is None or self._trials.once(plain, None, self._trials.patience).evidence is None:
            return failed.tried
        return told(failed, "a plain answer, which held before, fails after this stream: it keeps what a stream left")

    # -- a client that still waits -----------------------------------------------------------------------------------

    def _of_a_hang(self, failed: Failed) -> Tried:
        case, stream, heard = failed.case, failed.stream, failed.heard
        if case.expected.error or len(stream.body) == 0:
            return self._of_an_error_left_open(failed) if stream.ending is Ending.HANG else self._waited_for(failed)
        whole = heard.text == (case.expected.text or "")
        if of_cuts := self._cutting.of_a_hang(failed, whole=whole):
            return of_cuts
        self._controls.left = _MOST_OF_HANGS
        features = [one for one in self._features(failed) if one.of_bytes and one.name != "not-ascii"]
        cuts = failed.style
        long = [one for one in features if one.name == LONG_COMMENTS]
        if long and not whole and self._holds_without(failed, long):
            return told(failed, self._of_long_comments(failed))
        if features and (not whole or self._obeys(case)) and self._holds_without(failed, features):
            return told(failed, self._of_the_end(failed, features) if whole else self._cause(failed, features))
        if stream.ending is Ending.HANG and stream.end_marker is not None:
            if self._controls.body_holds(failed, stream.body, cuts, Ending.EOF):
                return told(failed, f"{case.end}{_DEAF}" if whole else UNTIL_FULL)
            return failed.tried
        return self._waited_for(failed) if stream.ending is not Ending.HANG else failed.tried

    def _of_an_error_left_open(self, failed: Failed) -> Tried:
        """Return what the client makes of an error in its stream if the connection ends right after it."""
        closed = failed.case.dialect.marked(replace(failed.stream, ending=Ending.EOF))
        ended = self._trials.of_reply(failed.case, Reply.stream(closed), self._trials.patience)
        if ended.heard is None or not ended.heard.ended:
            return failed.tried
        if ended.evidence is None:
            return told(failed, ERROR_AT_THE_END)
        return told(failed, ended.evidence.reason) if ended.evidence.likely else failed.tried

    def _of_the_end(self, failed: Failed, features: Sequence[Feature]) -> str:
        """Return how the event that ends the answer is written where a client that has the whole text misses it."""
        line_end = features[0].name if len(features) == 1 and features[0].name in LINE_ENDS else None
        if line_end is None or not self._reads_before_the_end(failed, features[0]):
            return unseen_end(failed.case, features)
        return unseen_line_end(failed.case, line_end)

    def _reads_before_the_end(self, failed: Failed, feature: Feature) -> bool:
        """Return whether the client reads events that have a feature and do not end an answer."""
        before = failed.stream.body[: start_of_end(failed)]
        return feature.taken_from(before) != before or self._reads(failed.case, feature)

    def _obeys(self, case: Case) -> bool:
        """Return whether the client ends at the end of a plain answer while the connection stays open; tried once."""
        if self._obeys_a_plain_end is None:
            plain = plainest([case])
            self._obeys_a_plain_end = plain is not None and self._ends_at(plain)
        return self._obeys_a_plain_end

    def _ends_at(self, plain: Case) -> bool:
        stream = plain.reply().answer(plain_request(plain)).stream
        left_open = plain.dialect.marked(replace(stream, ending=Ending.HANG))
        return self._trials.of_reply(plain, Reply.stream(left_open), self._trials.patience).evidence is None

    def _waited_for(self, failed: Failed) -> Tried:
        """Return what the client does if it is given time: one that asks again after a while is not one that hangs.

        If it then comes to the right end, nothing is wrong. For one that never ends the wait is shorter the next times.
        """
        seconds = _WAITED_OUT * self._trials.patience
        if self._waited_out >= _MOST_WAITED_OUT or failed.heard.waited >= seconds:
            return failed.tried
        cuts = None if failed.tried.evidence is None else failed.tried.evidence.cuts
        later = self._trials.once(failed.case, cuts, seconds / failed.case.patience)
        self._waited_out += later.heard is not None and not later.heard.ended
        of_requests = later.evidence is not None and not later.evidence.likely
        told = later.evidence is None or of_requests or later.requests > failed.tried.requests
        return later if told else failed.tried


def _is_sent_specially(failed: Failed) -> bool:
    """Whether the head, the framing or the times of the response are what the case is about, or a part of it."""
    sent = failed.case.document.get("reply", {})
    return bool(failed.stream.duration) or not _SPECIAL.isdisjoint(sent)


def _lacks_text(failed: Failed) -> bool:
    """Whether something of several events is missing, and nothing was added."""
    heard = failed.heard
    some_is_lost = heard.error is not None or is_part_of(heard.text, failed.case.expected.text or "")
    return len(failed.between) > 1 and some_is_lost


def _cause_of(feature: Feature, failed: Failed) -> str:
    heard = failed.heard
    if heard.error is not None:
        return (feature.as_json if is_of_json(heard.error) else feature.as_error) or feature.cause
    more = not is_part_of(heard.text, failed.case.expected.text or "")
    return feature.as_text if more and feature.as_text else feature.cause


def _told_by_control(failed: Failed, control: Further) -> Tried:
    """Return the fail with the cause of its control, which held, and with what differs, unless that is long."""
    if failed.case.chunkings == (WHOLE,):
        return told(failed, control.cause)
    other = replace(failed.case, reply=control.reply)
    return told(failed, control.cause, difference(failed.stream.body, representative(other).body))
