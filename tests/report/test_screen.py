"""What is on the screen: time lines, journals, cancels and verdicts, on a terminal of any width and in a pipe."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from orharness.cassette import Interaction, RecordedRequest
from orharness.dialects.completion import Completion
from orharness.errors import OrharnessError
from orharness.gateways import ONEROUTER
from orharness.journal import Bill, Boundaries, Exchange, How, Outcome, Pacing, Request, journal_document
from orharness.report.contents import PartKind, contents
from orharness.report.judgement import closer, show_judgement
from orharness.report.screen import Column, Screen
from orharness.report.text import BillLane, Look, Moment, show_bills, show_journal, show_lanes
from orharness.report.timeline import FIRST, LAST, show_interaction
from orharness.sse import Comment, Event, Retry, encode
from orharness.stream import Ending, Stream, repartition
from orharness.transforms import comments, compose, first_chunk, pace, per_byte
from orharness.verdict import Evidence, Judgement, Level, Once, Result, Verdict
from tests.support import chat_dialect as chat

TEXT = "Grüße aus Zürich: 世界 🙂"


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed(show: Callable[[Screen], None], width: int | None = None) -> str:
    file = io.StringIO()
    show(Screen(file, width=width))
    return file.getvalue()


def interaction(stream: Stream, ending: str = "eof") -> Interaction:
    request = RecordedRequest("POST", "https://host/v1/chat/completions", body=b"{}")
    headers = (("Content-Type", "text/event-stream"),)
    return Interaction(request, 200, "OK", headers, stream, 0.25, ending, "2026-11-22T06:00:00Z")


def answer(text: str = TEXT, *, cut: bool = True) -> Stream:
    stream = chat.stream(Completion.of(text), ONEROUTER, True, 0.02)
    stream = compose([comments(": ONEROUTER PROCESSING", every=100, before=3), first_chunk(0.5)])(stream)
    inside = [stream.body.index(sign.encode()) + 1 for sign in "ü世🙂" if sign in text]
    return repartition(stream, (*stream.boundaries, *(inside if cut else ())))


LONG = answer(TEXT * 20)


# What is in a chunk


def parts(*pieces: bytes) -> list[list[tuple[PartKind, str]]]:
    return [[(part.kind, part.text) for part in row.parts] for row in contents(Stream.of(*pieces))]


def delta(**fields: object) -> bytes:
    return encode(json.dumps({"choices": [{"index": 0, "delta": fields}]}, ensure_ascii=False))


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (delta(content="Grüße"), PartKind.TEXT, '"Grüße"'),
        (delta(content="a\x1b[31m\n"), PartKind.TEXT, r'"a\x1b[31m\n"'),
        (delta(reasoning="hm"), PartKind.REASONING, 'reasoning "hm"'),
        (delta(role="assistant"), PartKind.EVENT, 'delta {"role": "assistant"}'),
        (delta(tool_calls=[{"function": {"name": "f", "arguments": '{"a'}}]), PartKind.TOOL, 'tool f {"a'),
        (encode('{"choices": [{"finish_reason": "stop"}]}'), PartKind.FINISH, "finish: stop"),
        (
            encode('{"usage": {"prompt_tokens": 3, "completion_tokens": 4}}'),
            PartKind.USAGE,
            "usage 3 + 4 tokens",
        ),
        (encode('{"error": {"code": 502, "message": "gone"}}'), PartKind.ERROR, "error 502: gone"),
        (encode("[DONE]"), PartKind.END, "[DONE]"),
        (encode(Event("ping", "x")), PartKind.EVENT, "ping: x"),
        (encode(Comment(" keep-alive\x07")), PartKind.COMMENT, r": keep-alive\x07"),
        (encode(Retry(3)), PartKind.RETRY, "retry 3 s"),
        (b"\n\n", PartKind.BYTES, r"\n\n"),
        (b"data: unfinished", PartKind.BYTES, "data: unfinished"),
    ],
)
def test_what_is_in_a_chunk_is_said_in_words(data: bytes, kind: PartKind, text: str) -> None:
    assert parts(data) == [[(kind, text)]]


def test_equal_comments_in_a_row_are_one() -> None:
    assert parts(encode(*[Comment(" x")] * 3, "[DONE]")) == [
        [(PartKind.COMMENT, ": x (3 times)"), (PartKind.END, "[DONE]")]
    ]


def test_an_event_is_told_in_the_chunk_that_completes_it_and_its_pieces_are_marked() -> None:
    data = delta(content="ü")
    at = data.index("ü".encode()) + 1
    first, second = parts(data[:at], data[at:])
    assert first[0][0] is PartKind.BYTES
    assert first[0][1].endswith(r'"content": "\xc3│')
    assert first[1] == (PartKind.CUT, r"cuts ü \xc3│\xbc")
    assert second[0] == (PartKind.BYTES, r'│\xbc"}}]}\n\n')
    assert second[1] == (PartKind.TEXT, '"ü"')


def test_a_character_of_four_bytes_can_be_cut_three_times() -> None:
    cuts = [part.text for row in contents(compose([per_byte()])(Stream.of("🙂".encode()))) for part in row.parts[1:]]
    assert cuts == [r"cuts 🙂 \xf0│\x9f\x99\x82", r"cuts 🙂 \xf0\x9f│\x99\x82", r"cuts 🙂 \xf0\x9f\x99│\x82"]


def test_bytes_that_are_no_character_are_not_cut() -> None:
    assert [part.kind for row in contents(Stream.of(b"\xbf\xbf", b"\xbf\xbf")) for part in row.parts] == [
        PartKind.BYTES
    ] * 2


def test_moments_gaps_and_sizes_are_those_of_the_stream() -> None:
    rows = contents(LONG)
    assert [(row.gap, row.size) for row in rows] == [(chunk.delay, len(chunk.data)) for chunk in LONG.chunks]
    assert [row.start + row.size for row in rows] == list(LONG.boundaries)
    assert rows[-1].at == pytest.approx(LONG.duration)


# On a terminal


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = printed(lambda screen: show_interaction(screen, interaction(LONG)), width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_stream_is_folded_in_the_middle_and_all_unfolds_it(width: int) -> None:
    folded = printed(lambda screen: show_interaction(screen, interaction(LONG)), width)
    whole = printed(lambda screen: show_interaction(screen, interaction(LONG), every=True), width)
    between = LONG.chunks[FIRST:-LAST]
    size, seconds = sum(len(chunk.data) for chunk in between), sum(chunk.delay for chunk in between)
    assert f"… {len(between):,} chunks, {size:,} bytes, {seconds:.1f} s …" in folded
    assert len(re.findall(r"^ +\d+\.\d{3}  \+", folded, re.M)) == FIRST + LAST
    assert len(re.findall(r"^ +\d+\.\d{3}  \+", whole, re.M)) == len(LONG.chunks)
    assert "chunks, " not in whole.split("the response ends")[0]


def test_a_terminal_gets_colours_and_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    show_interaction(Screen(coloured), interaction(answer()))
    monkeypatch.setenv("NO_COLOR", "1")
    show_interaction(Screen(plain), interaction(answer()))
    assert "\x1b[33mcuts" in coloured.getvalue()
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", plain.getvalue())


# In a pipe


def test_a_pipe_gets_every_chunk_whole_and_plain() -> None:
    text = printed(lambda screen: show_interaction(screen, interaction(LONG)))
    assert "\x1b" not in text
    assert len(re.findall(r"^ +\d+\.\d{3}  \+", text, re.M)) == len(LONG.chunks)
    for row in contents(LONG):
        assert "  ".join(part.text for part in row.parts).rstrip() in text
    assert f"  text: {TEXT * 20}\n" in text


def test_under_an_ascii_locale_columns_stay_in_place_and_all_else_is_escaped() -> None:
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding="ascii")
    show_interaction(Screen(file, width=80), interaction(answer()))
    file.flush()
    text = data.getvalue().decode("ascii")
    assert r"cuts \xfc \xc3|\xbc" in text
    assert r'"\u4e16"' not in text  # it is after a blank in its token
    assert r" \u4e16\u754c \U0001f642" in text
    assert max(map(len, text.splitlines())) <= 80


# What is said about a stream


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("eof", "the response ends cleanly"),
        ("abort", "the connection ends before the response does (FIN)"),
        ("reset", "the connection is reset (RST)"),
        ("hang", "nothing more comes, and the connection stays open"),
        ("client_disconnected", "the client left here"),
    ],
)
def test_the_ending_is_said_in_words(ending: str, said: str) -> None:
    replayed = Ending.ABORT if ending == "client_disconnected" else Ending(ending)
    text = printed(lambda screen: show_interaction(screen, interaction(replace(answer(), ending=replayed), ending)))
    assert said in text


def test_the_head_the_sum_and_the_answer_are_told() -> None:
    text = printed(lambda screen: show_interaction(screen, interaction(answer())))
    assert text.startswith("POST https://host/v1/chat/completions\n  200 OK · text/event-stream · head after 0.250 s")
    assert "3 comments, 3 boundaries inside a character\n" in text
    assert f"  text: {TEXT}\n" in text


def test_an_answer_without_end_marker_is_pointed_out() -> None:
    stream = Stream.of(delta(content="Hello"), ending=Ending.ABORT)
    assert "there is no end marker" in printed(lambda screen: show_interaction(screen, interaction(stream, "abort")))


def test_a_foreign_cassette_has_numbers_in_place_of_times() -> None:
    foreign = replace(interaction(answer()), timed=False)
    text = printed(lambda screen: show_interaction(screen, foreign))
    assert "chunk  bytes  what is in it" in text
    assert "another tool recorded it" in text
    assert "seconds" not in text


def test_a_gap_is_drawn_on_one_scale() -> None:
    stream = Stream.of(*[encode("x")] * 4).through(pace(0.1), first_chunk(9))
    stream = replace(stream, chunks=(*stream.chunks[:2], replace(stream.chunks[2], delay=0.2), stream.chunks[3]))
    text = printed(lambda screen: show_interaction(screen, interaction(stream)), 80)
    assert re.findall("[█»▉-▏]+", text) == ["█" * 9 + "»", "█" * 5, "█" * 10, "█" * 5]


# Journals, cancels, verdicts


def exchange(number: int, outcome: Outcome | None = Outcome.COMPLETED, **changes: object) -> Exchange:
    base = Exchange(
        f"{number:06}",
        "2026-11-22T06:00:00Z",
        Request("POST", "/v1/chat/completions"),
        "POST /chat/completions",
        200,
        outcome,
        ended_after=1.5,
        chunks_written=3,
        bytes_written=30,
        bytes_read=30,
        pacing=Pacing.LOCKSTEP,
        boundaries=Boundaries(2, 1),
        stream_size=50,
        chunks=5,
        body=encode("12345678")[:10] * 5,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


JOURNAL = [
    exchange(1, chunks_written=5, bytes_written=50, bytes_read=50),
    exchange(2, Outcome.CANCELLED, how=How.RST, left_after=1.5, faults=("truncate",)),
    exchange(3, Outcome.UNMATCHED, status=404, difference="no route answers it\n  path: expected /a, got /b"),
    exchange(4, None, ended_after=None, bytes_read=None),
    exchange(5, Outcome.UNMATCHED, request=Request("", ""), boundaries=Boundaries()),
]


@pytest.mark.parametrize("width", [80, 120, None])
def test_a_journal_has_a_row_an_exchange_and_its_sentences_below(width: int | None) -> None:
    text = printed(lambda screen: show_journal(screen, JOURNAL), width)
    assert width is None or max(map(cell_len, text.splitlines())) <= width
    rows = [line for line in text.splitlines() if re.match(r"\d  ", line)]
    assert len(rows) == 5
    assert "cancelled RST" in rows[1]
    numbers = r"3/5 +30/50 +30 +2 proven, 1 assumed"
    narrow = r"    chunks 3/5, bytes 30/50, read 30, boundaries 2 proven, 1 assumed\n    fault: truncate\n"
    assert re.search(narrow if width == 80 else numbers, text)
    assert "open" in rows[3]
    assert "(no HTTP)" in rows[4]
    assert "    fault: truncate\n" in text
    assert "    no route answers it\n      path: expected /a, got /b\n" in text
    assert text.endswith("5 exchanges: 2 unmatched, 1 completed, 1 cancelled, 1 open\n")


def test_a_journal_reads_the_same_from_its_json() -> None:
    document = json.loads(json.dumps(journal_document(JOURNAL)))
    text = printed(lambda screen: show_journal(screen, document))
    assert "cancelled RST" in text
    assert text.endswith("5 exchanges: 2 unmatched, 1 completed, 1 cancelled, 1 open\n")


def test_an_empty_journal_says_so() -> None:
    assert printed(lambda screen: show_journal(screen, [])) == "no exchange yet: nothing was asked\n"


@pytest.mark.parametrize("document", [{"format": 2, "exchanges": []}, {"format": 1, "exchanges": [1]}, {"format": 1}])
def test_what_is_no_journal_is_refused_in_a_sentence(document: dict[str, object]) -> None:
    with pytest.raises(OrharnessError, match="journal"):
        printed(lambda screen: show_journal(screen, document))


@pytest.mark.parametrize(
    "damage",
    [
        {"chunks_written": "x"},
        {"bytes_read": []},
        {"ended_after": "soon"},
        {"boundaries": 3},
        {"boundaries": {"proven": "x"}},
        {"request": "GET"},
        {"request": {"method": "GET", "path": 1}, "faults": 1},
    ],
)
def test_a_damaged_journal_is_refused_in_a_sentence(damage: dict[str, object]) -> None:
    document = json.loads(json.dumps(journal_document(JOURNAL)))
    document["exchanges"][1].update(damage)
    with pytest.raises(OrharnessError, match=r"^this journal is damaged: exchange 2 "):
        printed(lambda screen: show_journal(screen, document))


def test_both_lanes_of_a_cancel_are_in_the_order_of_time() -> None:
    left = exchange(1, Outcome.CANCELLED, how=How.FIN, left_after=0.0302, written_at=(0.01, 0.02, 0.025))
    client = [Moment(-0.001, "asks"), Moment(0.015, "reads a"), Moment(0.03, "closes the connection")]
    text = printed(lambda screen: show_lanes(screen, client, left, ["a", "b"]), 80)
    assert [line.split(maxsplit=1)[1] for line in text.splitlines()[1:-2]] == [
        "asks                   │",
        "│  has read the request",
        "│  writes chunk 1: a",
        "reads a                │",
        "│  writes chunk 2: b",
        "│  writes chunk 3",
        "closes the connection  │",
        "│  sees the client leave (FIN) and stops",
    ]
    assert text.splitlines()[-1] == "  not sent: 2 of 5 chunks, 20 bytes"  # no event can be read in this body


def test_where_nothing_was_cancelled_nothing_was_saved() -> None:
    assert "nothing was saved: the exchange is still open" in printed(
        lambda screen: show_lanes(screen, [], exchange(1, Outcome.STILL_OPEN))
    )


def _lane(name: str, stops: bool, made: list[int], billed: int) -> BillLane:
    def bill(tokens: int) -> Bill:
        return Bill(0, tokens, min(tokens, 25), 25, billed, cancelled=True, cost=billed * 0.001)

    left = exchange(1, Outcome.CANCELLED, how=How.FIN, left_after=0.2507)
    left = replace(left, bill=bill(made[-1]), provider=name, provider_stops=stops, tokens_total=100, streamed=True)
    looks = [Look((number + 1) / 10, bill(tokens)) for number, tokens in enumerate(made)]
    return BillLane(name, looks, 0.25, left)


BILLS = """\
seconds  Anthropic                          │  Groq
   0.10    10 ██                            │    10 ██
   0.20    20 █████                         │    20 █████
   0.25  the client leaves: seen in 0.7 ms  │  the client leaves: seen in 0.7 ms
   0.30    25 ██████                        │    60 ██████▒▒▒▒▒▒▒▒
   0.40    25 ██████                        │   100 ██████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
                                            │
   bill  25 tokens, $0.0250                 │  100 tokens, $0.1000
   test  ✓ assert_upstream_stopped holds    │  ✗ assert_upstream_stopped fails
"""


def test_a_bill_that_stopped_stands_beside_one_that_did_not() -> None:
    lanes = _lane("Anthropic", True, [10, 20, 25, 25], 25), _lane("Groq", False, [10, 20, 60, 100], 100)
    assert printed(lambda screen: show_bills(screen, *lanes), 80) == BILLS
    assert max(map(len, BILLS.splitlines())) <= 80


def test_a_client_that_has_not_left_is_shown_as_one() -> None:
    stays = _lane("Anthropic", True, [10, 20, 25, 25], 25)
    stays = replace(stays, exchange=replace(stays.exchange, left_after=None, how=None, outcome=None))
    shown = printed(lambda screen: show_bills(screen, stays, stays), 80)
    assert "the client has not left" in shown
    assert "✗ assert_upstream_stopped fails" in shown


VERDICTS = [
    Verdict("parsing/whole", "All at once.", Result.PASS, None, 4, 4),
    Verdict(
        "parsing/cut",
        "A boundary inside a character of two, three and four bytes, or of a family of emoji.",
        Result.FAIL,
        Evidence("'ü'", "'??'", "bytes are decoded chunk by chunk", r"…Gr\xc3│\xbc…", b"data: Gr\xc3\xbc", (9,)),
        9,
        8,
    ),
    Verdict("cancellation/read", "Inside a read.", Result.NOT_APPLICABLE, note="no such read"),
]


ALIKE = [replace(VERDICTS[1], case=f"parsing/cut-{number}", replay="", serve="") for number in range(40)]
JUDGEMENT = Judgement(
    "client.py:stream",
    "gateway",
    7,
    (
        *(VERDICTS[0], replace(VERDICTS[1], replay="orharness check " + "x" * 90, serve="orharness serve")),
        *(*ALIKE, VERDICTS[2]),
        replace(
            ALIKE[0],
            case="done/should",
            title="Should.",
            level=Level.SHOULD,
            evidence=Evidence("a", "b", "it should not"),
        ),
    ),
)


@pytest.mark.parametrize("width", [60, 80, 120, None])
def test_a_judgement_is_a_row_a_family_and_what_fails_by_its_reason(width: int | None) -> None:
    text = printed(lambda screen: show_judgement(screen, JUDGEMENT), width)
    lines = [line for line in text.splitlines() if "xxx" not in line]  # a command is there to be copied
    assert width is None or max(map(cell_len, lines)) <= width
    assert text.startswith("client.py:stream  profile gateway, seed 7\n")
    assert re.search(r"family +pass +fail +should +n/a\n", text)
    assert re.search(r"✗ parsing +1 +41 +- +-\n- cancellation +- +- +- +1\n! done +- +- +1 +-\n", text)
    assert text.count("✗ 41 cases: bytes are decoded chunk by chunk") == 1
    assert text.count("A boundary inside a character") == 1  # only the first is shown with all that is known
    assert re.search(r"expected +'ü'\n +got +'\?\?'\n +bytes +…Gr\\xc3│\\xbc…\n +replay +orharness check x+\n", text)
    assert all(re.search(rf"^  parsing/cut-{n} +9 +…Gr\\xc3│\\xbc…$", text, re.MULTILINE) for n in range(40))
    assert "- not judged: no such read\n  cancellation/read\n" in text
    assert re.search(r"! 1 case: it should not\n\n  done/should \(SHOULD\)", text)
    assert re.search(r"✗ 41 of 43 cases fail; 1 SHOULD case\s+does not hold\n", text)


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        (["a/1", "b/1"], "a/1, b/1"),
        ([f"a/{n}" for n in range(39)] + ["b/1", "b/2"], "41 cases: a (39), b (2)"),
    ],
)
def test_many_cases_that_are_not_judged_are_counted_by_family(cases: list[str], told: str) -> None:
    left_out = [Verdict(one, "Title.", Result.NOT_APPLICABLE, note="no such read") for one in cases]
    judged = replace(JUDGEMENT, verdicts=(VERDICTS[0], *left_out))
    text = printed(lambda screen: show_judgement(screen, judged), None)
    assert f"- not judged: no such read\n  {told}\n" in text


def test_what_failed_once_and_not_again_is_named() -> None:
    seen = replace(VERDICTS[0], once=Once(3, "its text is 'HELLO'"))
    text = printed(lambda screen: show_judgement(screen, replace(JUDGEMENT, verdicts=(seen,))))
    told = (
        f"! 1 case failed once, and not again: no fail\n  {seen.case}  failed once in 3 trials: its text is 'HELLO'\n"
    )
    assert f"\n{told}\n✓ the one case holds\n" in text


def test_a_judgement_without_a_fail_says_so() -> None:
    text = printed(lambda screen: show_judgement(screen, replace(JUDGEMENT, verdicts=(VERDICTS[0],))))
    assert text.endswith("✓ the one case holds\n  4 chunk boundaries, each proven by the kernel\n")
    unbounded = replace(VERDICTS[0], boundaries_tried=0, boundaries_proven=0)
    text = printed(lambda screen: show_judgement(screen, replace(JUDGEMENT, verdicts=(unbounded,))))
    assert text.endswith("✓ the one case holds\n")  # nothing is said of boundaries where there were none


@pytest.mark.parametrize("room", range(12, 90))
def test_bytes_are_shown_closer_around_their_boundary(room: int) -> None:
    excerpt = r"…ABC\n\xc3\xa4 DEF 世界 GHI JKL MNO\x00│\xbc PQR \\ STU VWX YZ012 3456…"
    seen = closer(excerpt, room)
    assert cell_len(seen) <= room
    assert seen.count("│") == 1
    before, behind = seen.strip("…").split("│")
    whole = excerpt.split("│")
    assert whole[0].endswith(before)
    assert whole[1].startswith(behind)
    assert not re.match(r"[xn]", before)  # no half of an escape
    assert not re.search(r"\\(x[0-9a-f]?)?$", behind.replace(r"\\", ""))


# The grid


def test_pieces_of_a_cell_stay_whole_where_a_line_holds_them() -> None:
    screen = Screen(io.StringIO(), width=24)
    columns = [Column("a"), Column("b", flexible=True)]
    cell = [screen.held(text) for text in ('"one two"', '"three four"', '"five six seven eight nine"')]
    assert [line.plain for line in screen.grid(columns, [[screen.held("x"), cell]])] == [
        "a  b",
        'x  "one two"',
        '   "three four"',
        '   "five six seven eight',
        '   nine"',
    ]


def test_wide_characters_take_two_cells() -> None:
    screen = Screen(io.StringIO(), width=40)
    columns = [Column("a"), Column("right", right=True)]
    rows = [[screen.held("世界"), screen.held("1")], [screen.held("ab"), screen.held("22")]]
    assert [line.plain for line in screen.grid(columns, rows)] == ["a     right", "世界      1", "ab       22"]


def test_a_lone_surrogate_is_seen_as_an_escape() -> None:
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding="utf-8")
    Screen(file).line("a file named \udcff")
    file.flush()
    assert data.getvalue() == b"a file named \\udcff\n"
