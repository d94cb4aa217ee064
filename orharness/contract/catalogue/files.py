"""Cases of a user's own, from a file: YAML or JSON documents, or a Python file that names them ``CASES``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from orharness.contract.catalogue import cases_of, lives_of
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.parse import parse
from orharness.dialects import DIALECTS, Dialect
from orharness.errors import ScenarioError
from orharness.yamlfile import load_document


def with_own(files: Iterable[Path | str], dialect: str | Dialect | None = None) -> tuple[Case, ...]:
    """Return every case of the dialect (by default the first one registered), then those of the files.

    Raises ``ScenarioError`` as ``load`` does, and for an id that is taken already.
    """
    known = DIALECTS.default if dialect is None else DIALECTS.named(dialect)
    cases = {case.id: case for case in (*cases_of(known), *lives_of(known))}
    for file in files:
        for case in load(Path(file), known):
            if case.id in cases:
                raise ScenarioError(f"{file}: the id {case.id!r} is taken: a case needs an id of its own")
            cases[case.id] = case
    return tuple(cases.values())


def load(path: Path, dialect: Dialect) -> list[Case]:
    """Return the cases of a file, or of each JSON file below a folder; ``dialect``: of those that name none.

    Raises ``ScenarioError``, which names the file, for what cannot be read and for a wrong case.
    """
    if path.is_dir():
        files = sorted(path.rglob("*.json"))
        if not files:
            raise ScenarioError(f"{path}: there is no case in this folder: of a folder, the *.json files are read")
        return [case for file in files for case in load(file, dialect)]
    documents = _of_python(path) if path.suffix == ".py" else _of_document(path)
    return [one if isinstance(one, Case) else _parsed(one, path, dialect) for one in documents]


def _parsed(document: Any, path: Path, dialect: Dialect) -> Case:
    if not isinstance(document, Mapping):
        raise ScenarioError(f"{path}: a case is a mapping with id, title, reply and expect, not {document!r}")
    named = document.get("dialect")
    try:
        case = parse(document, dialect if named is None else DIALECTS.named(named))
        _ = case.inapplicable  # makes what it sends, so that a mistake in that is an error here
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error
    return case


def _of_document(path: Path) -> Iterator[Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    value = load_document(text, str(path)).value
    if isinstance(value, Mapping) and "cases" in value:
        value = value["cases"]
    yield from value if isinstance(value, list) else [value]


def _of_python(path: Path) -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location(f"orharness_cases_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ScenarioError(f"{path}: there is no such file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # an exit in it would end the command, perhaps with the code of a pass
        raise ScenarioError(f"{path}: it raised {error!r} when it was imported") from error
    cases = getattr(module, "CASES", None)
    if not isinstance(cases, list | tuple):
        raise ScenarioError(f"{path}: it has no list CASES of cases")
    yield from cases
