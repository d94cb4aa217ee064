"""What was measured of each client, as files: ``benchmarks/judged/measured/NAME.json``; and the notes by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from orharness.verdict import Result, Verdict

HERE = Path(__file__).parent
MEASURED, NOTES = HERE / "measured", HERE / "verdicts.json"
UNEXPLAINED = "?"  # the note of a fail that nobody has looked at
UNASKED = "it did not ask"  # the bare server's words for a run that sent no request in time: it tells of no case


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
        """Whether it failed there, too, and not only because its request did not come in time."""
        return self.bare == "fail" and (self.why != UNASKED or "sent no request" in self.reason)


@dataclass(frozen=True)
class Record:
    """One client, judged: the ids of the cases that hold, and what fails; any other case could not be judged."""

    client: str
    versions: str
    language: str
    dialect: str
    date: str
    held: tuple[str, ...] = ()
    fails: dict[str, Fail] = field(default_factory=dict)

    @property
    def families(self) -> dict[str, tuple[int, int]]:
        """For each family that could be judged: how many cases hold, of how many."""
        held, failed = Counter(map(_family, self.held)), Counter(map(_family, self.fails))
        return {family: (held[family], held[family] + failed[family]) for family in held | failed}

    def write(self, folder: Path | None = None) -> None:
        """Write it to its file in the folder, by default ``MEASURED``."""
        held: dict[str, list[str]] = {}
        for case in self.held:
            family, _, name = case.partition("/")
            held.setdefault(family, []).append(name)
        document = asdict(self) | {"held": {family: " ".join(names) for family, names in held.items()}}
        folder = folder or MEASURED
        folder.mkdir(exist_ok=True)
        text = json.dumps(document, ensure_ascii=True, indent=1) + "\n"  # some reasons have lone surrogates
        (folder / f"{self.client}.json").write_text(text, "utf-8")

    def after(self, before: Record | None, order: Iterable[str]) -> Record:
        """Return this record with what an earlier one knows of other cases. ``order``: the ids of all cases."""
        if before is None:
            return self
        fails = before.fails | self.fails
        held = {*before.held, *self.held} - {*self.fails}
        return replace(
            self,
            held=tuple(case for case in order if case in held),
            fails={case: fails[case] for case in order if case in fails and case not in self.held},
        )

    @classmethod
    def read(cls, client: str, folder: Path | None = None) -> Record | None:
        """Return what was measured of a client, ``None`` if nothing was."""
        try:
            document: dict[str, Any] = json.loads(((folder or MEASURED) / f"{client}.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        held = tuple(f"{family}/{name}" for family, names in document.pop("held").items() for name in names.split())
        fails = {
            case: replace(Fail(**one), cuts=None if one["cuts"] is None else tuple(one["cuts"]))
            for case, one in document.pop("fails").items()
        }
        return cls(**document, held=held, fails=fails)


def _family(case: str) -> str:
    return case.partition("/")[0]


def held(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """The ids of the cases that hold."""
    return tuple(one.case for one in verdicts if one.result is Result.PASS)


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
