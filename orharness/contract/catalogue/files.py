"""Cases of a user's own, from a file: YAML or JSON documents, or a Python file that names them ``CASES``."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from orharness.contract.catalogue import cases_of, lives_of
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.export import as_document
from orharness.contract.catalogue.parse import parse
from orharness.contract.catalogue.resolved import check_due
from orharness.dialects import DIALECTS, Dialect
from orharness.errors import ScenarioError
from orharness.verdict import shorten
from orharness.yamlfile import load_document

_ID = re.compile(r"[^/\\\s]+(?:/[^/\\\s]+)+")
_SHOWN = 60  # characters of a wrong value
_WORDS = {"title", "source", "cause", "broken_json", "raises", "mistaken", "control"}  # they change no result


def with_own(files: Iterable[Path | str], dialect: str | Dialect | None = None) -> tuple[Case, ...]:
    """Return every case of the dialect (by default the first one registered), then those of the files.

    One of ours that was exported, and not changed, is not added again. Raises ``ScenarioError`` as ``load`` does, and
    for an id that is taken by another case.
    """
    known = DIALECTS.default if dialect is None else DIALECTS.named(dialect)
    catalogue = {case.id: case for case in (*cases_of(known), *lives_of(known))}
    own: dict[str, Case] = {}
    for file in (one for given in files for one in _files(Path(given))):
        for case in load(file, known):
            if case.id in own or (case.id in catalogue and not _is_exported(case, catalogue[case.id])):
                raise ScenarioError(f"{file}: the id {case.id!r} is taken by another case: give it an id of its own")
            if case.id not in catalogue:
                own[case.id] = case
    return (*catalogue.values(), *own.values())


def _is_exported(case: Case, ours: Case) -> bool:
    """Whether a case is one of ours, as ``orharness cases export`` of any version words it."""
    if ours.inapplicable is not None:
        return False
    written = json.loads(json.dumps(as_document(ours)))
    return all(case.document.get(key) == written.get(key) for key in {*written, *case.document} - _WORDS)


def load(path: Path, dialect: Dialect) -> list[Case]:
    """Return the cases of a file, or of each JSON file below a folder; ``dialect``: of those that name none.

    Raises ``ScenarioError``, which names the file, for what cannot be read and for a wrong case.
    """
    if path.is_dir():
        return [case for file in _files(path) for case in load(file, dialect)]
    documents = _of_python(path) if path.suffix == ".py" else _of_document(path)
    cases = [
        one if isinstance(one, Case) else _parsed(one, path, dialect, number) for number, one in enumerate(documents, 1)
    ]
    if not cases:
        raise ScenarioError(f"{path}: it has no case in it")
    return cases


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if not (files := sorted(path.rglob("*.json"))):
        raise ScenarioError(f"{path}: there is no case in this folder: of a folder, the *.json files are read")
    return files


def _parsed(document: Any, path: Path, dialect: Dialect, number: int) -> Case:
    if not isinstance(document, Mapping):
        what = f"case {number} of the file is not a mapping with id, title, reply and expect"
        raise ScenarioError(f"{path}: {what}, but {shorten(repr(document), _SHOWN)}")
    if "id" not in document:
        raise ScenarioError(f"{path}: case {number} of the file: id is missing")
    if not _is_id(name := document["id"]):
        shown = shorten(repr(name), _SHOWN)
        raise ScenarioError(f"{path}: case {number} of the file: id is a text without blanks, FAMILY/NAME; not {shown}")
    try:
        case = parse(document, _dialect_of(document, dialect))
        _ = case.inapplicable  # makes what it sends, so that a mistake in that is an error here
        check_due(case)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error
    return case


def _is_id(name: object) -> bool:
    """Whether it is FAMILY/NAME, which a file below a folder can be named after."""
    return isinstance(name, str) and _ID.fullmatch(name) is not None and not {".", ".."} & set(name.split("/"))


def _dialect_of(document: Mapping[str, Any], dialect: Dialect) -> Dialect:
    try:
        return dialect if document.get("dialect") is None else DIALECTS.named(document["dialect"])
    except ScenarioError as error:
        raise ScenarioError(f"{document['id']}: {error}") from None


def _of_document(path: Path) -> Iterator[Any]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeError as error:
        raise ScenarioError(f"{path}: cannot be read, as it is not in UTF-8: {error}") from error
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
