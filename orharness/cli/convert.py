"""``orharness cassette convert``: a recording of one tool as the file of another."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orharness.cassette.interaction import Interaction
from orharness.conversion.reading import read
from orharness.conversion.source import UNTIMED
from orharness.conversion.writing import chosen, output_of, written
from orharness.errors import CassetteError
from orharness.files import write_whole
from orharness.report.contents import shown
from orharness.verdict import count


@dataclass(frozen=True)
class ConvertOptions:
    """The options of the command line; ``None`` for those not given."""

    source: Path
    to: Path
    as_form: str | None = None
    from_form: str | None = None
    url: str | None = None
    body: Path | None = None
    interaction: int | None = None
    keep_headers: Sequence[str] = ()
    redact_personal: bool = False
    overwrite: bool = False


def convert_file(options: ConvertOptions) -> None:
    """Convert a file, and say on stderr what its source does not know. Raises ``CassetteError``."""
    form = output_of(options.to, options.as_form)
    if options.to.exists() and not options.overwrite:
        raise CassetteError(f"{options.to}: this file exists; --overwrite replaces it")
    body = None if options.body is None else _bytes_of(options.body)
    source = chosen(read(options.source, form=options.from_form, url=options.url, body=body), options.interaction)
    data, lost = written(source, form, keep_headers=options.keep_headers, personal=options.redact_personal)
    try:
        write_whole(options.to, data)
    except OSError as error:
        raise CassetteError(f"{options.to}: the file cannot be written: {error.strerror}") from error
    for sentence in (*source.notes, *_notes(source.interactions), *lost):
        sys.stderr.write(f"{shown(sentence)}\n")
    number = "a scenario" if source.scenario is not None else count(len(source.interactions), "interaction")
    sys.stderr.write(f"{options.to}: {form}, of {source.form}: {number}\n")


def _notes(interactions: Iterable[Interaction]) -> list[str]:
    """Return the notes of the interactions, each once, with the number of those that it is about."""
    numbers: dict[str, list[int]] = {}
    for number, one in enumerate(interactions, 1):
        untimed = [UNTIMED] if not one.timed and len(one.stream.chunks) > 1 else []
        for note in (*(one.note or "").split("; "), *untimed):
            if note:
                numbers.setdefault(note, []).append(number)
    return [f"interaction {', '.join(map(str, at))}: {note}" for note, at in numbers.items()]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CassetteError(f"{path}: the file cannot be read: {error.strerror}") from error
