"""What was measured of each client, as files: ``benchmarks/judged/measured/NAME.json``; and the notes by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from orharness.report.groups import by_family
from orharness.verdict import Result, Verdict

HERE = Path(__file__).parent
MEASURED, NOTES = HERE / "measured", HERE / "verdicts.json"
UNEXPLAINED = "?"  # the note of a fail that nobody has looked at


@dataclass(frozen=True)
class Fail:
    """A case that fails. ``reason``: as the report has it. ``cuts``: the fewest that show it, ``None`` for its own.

    ``bare``: what the server that shares no code with ours says: ``pass``, ``fail``, ``not_judged`` …, ``None`` where
    it was not asked; ``why``: its words.
    """

    level: str
    reason: str
    cuts: tuple[int, ...] | None = None
    bare: str | None = None
    why: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether it failed there, too."""
        return self.bare == "fail"


@dataclass(frozen=True)
class Record:
    """One client, judged: how many cases of each family hold, of how many that could be judged; and what fails."""

    client: str
    versions: str
    language: str
    dialect: str
    date: str
    families: dict[str, tuple[int, int]] = field(default_factory=dict)
    fails: dict[str, Fail] = field(default_factory=dict)

    def write(self) -> None:
        """Write it to its file."""
        MEASURED.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), ensure_ascii=True, indent=1) + "\n"  # some reasons have lone surrogates
        (MEASURED / f"{self.client}.json").write_text(text, "utf-8")

    def merged(self, families: Iterable[str], order: Iterable[str]) -> Record:
        """Return what is stored of the client, with these families as they are in this record.

        ``order``: the ids of all cases.
        """
        before, again = Record.read(self.client), set(families)
        if before is None:
            return self
        kept = {name: count for name, count in before.families.items() if name not in again}
        stays = {case: fail for case, fail in before.fails.items() if case.partition("/")[0] not in again}
        fails = stays | self.fails
        return replace(
            self, families=kept | self.families, fails={case: fails[case] for case in order if case in fails}
        )

    @classmethod
    def read(cls, client: str) -> Record | None:
        """Return what was measured of a client, ``None`` if nothing was."""
        try:
            document: dict[str, Any] = json.loads((MEASURED / f"{client}.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        families = {name: (held, judged) for name, (held, judged) in document.pop("families").items()}
        fails = {
            case: replace(Fail(**one), cuts=None if one["cuts"] is None else tuple(one["cuts"]))
            for case, one in document.pop("fails").items()
        }
        return cls(**document, families=families, fails=fails)


def counts(verdicts: Iterable[Verdict]) -> dict[str, tuple[int, int]]:
    """For each family that could be judged: how many cases hold, of how many."""
    found = {}
    for family, of_family in by_family(verdicts).items():
        judged = [one for one in of_family if one.result is not Result.NOT_APPLICABLE]
        if judged:
            found[family] = (sum(one.result is Result.PASS for one in judged), len(judged))
    return found


def failed(verdicts: Iterable[Verdict]) -> dict[str, Fail]:
    """What fails, MUST and SHOULD, by the case's id."""
    found = {}
    for verdict in verdicts:
        if verdict.result is Result.FAIL:
            seen = verdict.evidence
            cuts = seen.cuts if seen is not None and seen.body else None
            found[verdict.case] = Fail(verdict.level.value, seen.reason if seen else "", cuts)
    return found


def notes() -> dict[str, dict[str, str]]:
    """For each client the cases that fail, with the note on why that is its fault."""
    found: dict[str, dict[str, str]] = json.loads(NOTES.read_text("utf-8")) if NOTES.exists() else {}
    return found


def note_down(client: str, fails: Sequence[str]) -> None:
    """Write which cases fail; notes that are there stay, new fails get a question mark."""
    known = notes()
    before = known.get(client, {})
    known[client] = {case: before.get(case, UNEXPLAINED) for case in fails}
    NOTES.write_text(json.dumps(known, ensure_ascii=False, indent=2) + "\n", "utf-8")
