"""A judgement on a terminal: the families, and the fails grouped by reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from orharness.report.groups import boundaries, by_family, by_reason
from orharness.report.outcomes import BAD, GOOD, NOTE
from orharness.report.screen import Column, Row, Screen
from orharness.report.text import show_evidence
from orharness.report.words import headline, once_in_words
from orharness.verdict import BOUNDARY, Judgement, Level, Result, Verdict, count

_MANY_NOTES = 40  # cases that are not judged for one reason
_NARROW = 24  # cells of bytes that a row shows, at least
_WIDE = 72  # and at most
_TOKEN = re.compile(r"\\x[0-9a-f]{2}|\\.|.", re.DOTALL)


def show_judgement(screen: Screen, judgement: Judgement) -> None:
    """Show the whole judgement: a row a family, fails by reason, what was not judged and why, and a last sentence."""
    verdicts = judgement.verdicts
    profile = "" if judgement.profile is None else f"  profile {judgement.profile}, seed {judgement.seed}"
    screen.say(Text.assemble((judgement.client, "bold"), (profile, "dim")))
    screen.line()
    _show_families(screen, verdicts)
    for alike in by_reason(verdicts):
        screen.line()
        _show_alike(screen, alike)
    _show_once(screen, verdicts)
    _show_notes(screen, verdicts)
    screen.line()
    screen.say(_told(judgement))
    if proof := _proof(verdicts):
        screen.say(proof, "dim", indent=2)
    if (made := judgement.made) is not None:
        screen.say(f"orharness {made.version}, {made.date}, {made.platform}, {made.seconds:.1f} s", "dim", indent=2)


def _told(judgement: Judgement) -> Text:
    """Return the whole judgement in one sentence, with a mark; only what was judged, and to the end, has a tick."""
    if not judgement.ok:
        return Text(f"✗ {headline(judgement)}", f"bold {BAD}")
    judged = len(judgement.verdicts) > judgement.number(Result.NOT_APPLICABLE) and not judgement.unjudged
    return Text(f"{'✓' if judged else '-'} {headline(judgement)}", f"bold {GOOD if judged else NOTE}")


def _show_families(screen: Screen, verdicts: Sequence[Verdict]) -> None:
    lax = any(map(_is_lax, verdicts))
    titles = ("pass", "fail", *(["should"] if lax else []), "n/a")
    columns = [Column("  family"), *(Column(name, right=True) for name in titles)]
    rows = [_family_row(name, found, lax=lax) for name, found in by_family(verdicts).items()]
    screen.lines(screen.grid(columns, rows))


def _family_row(name: str, verdicts: Sequence[Verdict], *, lax: bool) -> Row:
    """Return the row of a family. ``lax``: with a column for SHOULDs that do not hold, which are not fails."""
    results = [verdict.result for verdict in verdicts]
    failed = sum(verdict.counts for verdict in verdicts)
    if failed:
        mark = Text("✗ ", BAD)
    elif Result.PASS in results:
        mark = Text("✓ ", GOOD)
    else:
        mark = Text("! ", NOTE) if any(map(_is_lax, verdicts)) else Text("- ", "dim")
    counted = [(results.count(Result.PASS), GOOD), (failed, BAD)]
    counted += [(sum(map(_is_lax, verdicts)), NOTE)] if lax else []
    counted += [(results.count(Result.NOT_APPLICABLE), "dim")]
    numbers = [Text(f"{number:,}", style) if number else Text("-", "dim") for number, style in counted]
    return [mark + Text(name), *numbers]


def _is_lax(verdict: Verdict) -> bool:
    return verdict.result is Result.FAIL and not verdict.counts


def _show_alike(screen: Screen, alike: Sequence[Verdict]) -> None:
    """Show cases that fail for one reason: the first with all that is known, the others in a row each."""
    first, *others = alike
    reason = first.evidence.reason if first.evidence else ""
    mark, style = ("✗", BAD) if any(one.counts for one in alike) else ("!", NOTE)
    screen.say(Text.assemble((f"{mark} {count(len(alike), 'case')}: ", f"bold {style}"), (reason, "bold")))
    screen.line()
    screen.say(Text.assemble((first.case, "bold"), f"{_level(first)}  {first.title}"), indent=2)
    show_evidence(screen, first, indent=4, reason=False)
    for name, value in _commands(first):
        screen.line(Text.assemble((f"    {name:<10}", "dim"), value))
    if others:
        screen.line()
        screen.lines(Text("  ") + line for line in _rows(screen, others))


def _level(verdict: Verdict) -> str:
    known = " (in the baseline)" if verdict.known else ""
    return f" ({Level.SHOULD}){known}" if verdict.level is Level.SHOULD else known


def _commands(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield the commands, which are not wrapped so that they can be copied."""
    if verdict.replay:
        yield "replay", verdict.replay
    if verdict.serve:
        yield "serve", verdict.serve


def _rows(screen: Screen, verdicts: Sequence[Verdict]) -> Iterator[Text]:
    if not any(one.evidence is not None and one.evidence.body for one in verdicts):  # nothing was cut
        return _plain_rows(screen, verdicts)
    columns = [Column("for the same reason"), Column("cut at"), Column("bytes")]
    names = [f"{verdict.case}{_level(verdict)}" for verdict in verdicts]
    cuts = [_cut_at(verdict) for verdict in verdicts]
    taken = max(map(len, [*names, columns[0].title])) + max(map(len, [*cuts, columns[1].title])) + 6
    room = _WIDE if screen.width is None else min(_WIDE, max(_NARROW, screen.width - taken))
    rows: list[Row] = [
        [Text(name), Text(cut, "dim"), Text(_seen(verdict, room), "cyan")]
        for name, cut, verdict in zip(names, cuts, verdicts, strict=True)
    ]
    return screen.grid(columns, rows)


def _plain_rows(screen: Screen, verdicts: Sequence[Verdict]) -> Iterator[Text]:
    columns = [Column("for the same reason"), Column("got", flexible=True)]
    seen = [one.evidence.got.partition("\n")[0] if one.evidence is not None else "" for one in verdicts]
    names = (Text(f"{verdict.case}{_level(verdict)}") for verdict in verdicts)
    return screen.grid(columns, [[name, Text(got, "dim")] for name, got in zip(names, seen, strict=True)])


def _cut_at(verdict: Verdict) -> str:
    evidence = verdict.evidence
    if evidence is None or not evidence.body:
        return "-"
    cuts = evidence.cuts
    if len(cuts) == len(evidence.body) - 1 and len(cuts) > 1:
        return "each byte"
    return "no cut" if not cuts else ", ".join(map(str, cuts)) if len(cuts) < 3 else f"{len(cuts):,} places"


def _seen(verdict: Verdict, room: int) -> str:
    evidence = verdict.evidence
    if evidence is None:
        return ""
    return closer(evidence.excerpt, room) if evidence.excerpt else evidence.got.partition("\n")[0][:room]


def closer(excerpt: str, room: int) -> str:
    """Return the excerpt with at most ``room`` cells around its boundary, and no escape cut in two."""
    if cell_len(excerpt) <= room:
        return excerpt
    before, mark, after = excerpt.partition(BOUNDARY)
    left, right = _TOKEN.findall(before), _TOKEN.findall(after)
    kept: tuple[list[str], list[str]] = ([], [])
    free = room - len(mark) - 2
    while left or right:
        side, to = (left, kept[0]) if left and (len(kept[0]) <= len(kept[1]) or not right) else (right, kept[1])
        token = side.pop() if side is left else side.pop(0)
        free -= cell_len(token)
        if free < 0:
            side.append(token)
            break
        to.append(token)
    return f"{'…' if left else ''}{''.join(reversed(kept[0]))}{mark}{''.join(kept[1])}{'…' if right else ''}"


def _show_once(screen: Screen, verdicts: Sequence[Verdict]) -> None:
    """Show what failed once and did not fail again, which is not a fail."""
    seen = [one for one in verdicts if one.once is not None]
    if seen:
        screen.line()
        screen.say(Text.assemble((f"! {count(len(seen), 'case')} failed once, and not again: no fail", f"bold {NOTE}")))
    for one in seen:
        if one.once is not None:
            screen.say(Text.assemble((one.case, "bold"), f"  {once_in_words(one.once)}"), indent=2)


def _show_notes(screen: Screen, verdicts: Sequence[Verdict]) -> None:
    """Show what was not judged, by reason."""
    notes: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.result is Result.NOT_APPLICABLE:
            notes.setdefault(verdict.note, []).append(verdict.case)
    for note, cases in notes.items():
        screen.line()
        screen.say(Text.assemble((f"- not judged: {note}", "bold dim")))
        screen.say(_listed(cases), "dim", indent=2)


def _listed(cases: Sequence[str]) -> str:
    """Return the ids; of many cases the number in each family: two hundred ids are not readable."""
    if len(cases) <= _MANY_NOTES:
        return ", ".join(cases)
    families = Counter(case.partition("/")[0] for case in cases)
    told = ", ".join(f"{family} ({number})" for family, number in families.items())
    return f"{count(len(cases), 'case')}: {told}"


def _proof(verdicts: Sequence[Verdict]) -> str:
    proven, tried = boundaries(verdicts)
    if not tried:
        return ""
    if proven == tried:
        return f"{count(tried, 'chunk boundary', 'chunk boundaries')}, each proven by the kernel"
    return f"{count(tried, 'chunk boundary', 'chunk boundaries')}, {proven:,} proven by the kernel, the others assumed"
