"""Posted scenario documents. They are read as files are, except that they may name fewer files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orharness.cassette.interaction import Interaction
from orharness.errors import ScenarioError
from orharness.scenario.bodies import Cassettes
from orharness.scenario.document import read, read_route
from orharness.scenario.route import Route


class Confined(Cassettes):
    """The cassettes in one folder: a document from the network can name no other file."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder)
        self._root = None if folder is None else folder.resolve()

    def __getitem__(self, file: str) -> list[Interaction]:
        """Return the contents of a cassette. Raises ``ScenarioError`` for a file outside the folder."""
        if self._root is None:
            raise ScenarioError(
                f"{file!r} is not read: a document that is posted names files where serve has --scenarios DIR"
            )
        try:
            named = self._root / file
            resolved = named.resolve()
        except ValueError as error:  # it has a NUL or half of a surrogate pair
            raise ScenarioError(f"{file!r} is not the name of a file") from error
        # What resolves to itself has no `..` and no link in it, and an absolute path replaces the folder.
        if resolved != named or self._root not in named.parents:
            raise ScenarioError(f"{file!r} is not read: name a file inside {self._root}, without .. and links")
        return super().__getitem__(file)


def routes_in(document: Any, scenarios: Path | None) -> list[Route]:
    """Return the routes of a scenario document, or the one route of a route document.

    ``scenarios``: the folder whose files it may name. Raises ``ScenarioError`` with the keys of the location.
    """
    cassettes = Confined(scenarios)
    if isinstance(document, Mapping) and not ("routes" in document or "orharness" in document):
        return [read_route(document, cassettes)]
    return list(read(document, cassettes).routes)
