"""Accepting a cassette that was edited on purpose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from vcr.persisters.filesystem import CassetteNotFoundError  # type: ignore[import-untyped]

from orharness.cassette.at import At, named
from orharness.cassette.damage import TOTAL
from orharness.cassette.files import text_of, write
from orharness.cassette.foreign import as_vcrpy_takes_it, pieces
from orharness.cassette.keys import KEY
from orharness.cassette.serializer import Serializer
from orharness.errors import CassetteError


def seal(path: str | os.PathLike[str]) -> list[str]:
    """Write an edited cassette again, with checksums and a total that fit what it holds now.

    Where the sizes of the chunks no longer add up to the body, the chunks become those that fit: one an event, with
    their delays if there were as many. Returns a sentence for each such interaction. Comments of the YAML are lost.
    Raises ``CassetteError``, and leaves the file as it was, if it still is not a cassette.
    """
    file, serializer, said = Path(path), Serializer(), []
    with named(file):
        try:
            root = serializer.read(text_of(file))
        except CassetteNotFoundError as error:
            raise CassetteError("there is no such cassette") from error
        for index, one in enumerate(root["interactions"].items()):
            if (sentence := _refit(one)) is not None:
                said.append(f"interactions[{index}]: {sentence}")
        text = serializer.serialize(root.mapping())
        serializer.check(text)
        write(file, text.encode())
    return said


def _refit(interaction: At) -> str | None:
    """Make the chunks of an interaction fit its body, in place; returns what was done, if anything was."""
    response = interaction["response"]
    if KEY not in response or "chunks" not in response[KEY]:
        return None
    ours: dict[str, Any] = response[KEY].mapping()
    ours.pop(TOTAL, None)
    taken = as_vcrpy_takes_it(interaction)["response"]
    body: bytes = taken["body"]["string"]
    rows = [
        [cells[0].seconds(), cells[1].integer(1)] for cells in (row.items() for row in response[KEY]["chunks"].items())
    ]
    if sum(size for _, size in rows) == len(body):
        return None
    headers = tuple((name, value) for name, values in taken["headers"].items() for value in values)
    sizes = [len(piece) for piece in pieces(headers, body) if piece]
    if len(sizes) == len(rows):
        ours["chunks"] = [[delay, size] for (delay, _), size in zip(rows, sizes, strict=True)]
        return "the chunks have their delays, and the sizes of the events in the edited body"
    ours["chunks"], ours["timed"] = [[0.0, size] for size in sizes], False
    return "the chunks are one an event of the edited body, without delays"
