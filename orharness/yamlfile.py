"""YAML in two dialects; the only module that imports ``yaml``.

``load_document`` and ``dump_document`` are for documents that people write: JSON-compatible YAML 1.2. A plain scalar is
``true``, ``false``, ``null`` (or ``~``, or empty), a number in the grammar of JSON, and text in every other case:
``on`` is not true, ``1:30`` is not 90, ``010`` is not 8, a date is text. Keys are text. Tags, anchors, aliases,
repeated keys and a second document are refused. JSON documents load too, also with tabs and surrogate pairs.

``load_data`` and ``dump_data`` are for cassettes: YAML 1.1 as vcrpy writes it, but dates stay text. vcrpy writes
aliases for what its dictionaries share, so aliases are read; a file that they expand beyond measure is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn

import yaml

from orharness.errors import OrharnessError, ScenarioError

Keys = tuple[str | int, ...]
"""The path to a value: keys of mappings and indexes of lists, from the top."""

_DEPTH = 100  # nested lists and mappings: far more than a document needs, far less than Python's recursion limit
_GROWTH = 100_000  # nodes that the aliases of a cassette may expand to
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][-+]?[0-9]+)?")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_SURROGATE = re.compile("[\ud800-\udfff]")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_ODD_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # line ends in YAML 1.1, so only a quoted text keeps them
_ANCHOR = re.compile(r"&[^\s\[\]{},]")
_ALIAS = re.compile(r"\*[^\s\[\]{},]")


@dataclass(frozen=True, slots=True)
class Mark:
    """A position in a text; line and column count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True)
class Located:
    """A document: its value in JSON's types, and the position of each part in the file."""

    value: Any
    name: str
    marks: Mapping[Keys, Mark] = field(repr=False, compare=False)

    def mark_of(self, path: Keys) -> Mark:
        """Return the position of the key or item at the end of ``path``, or the last one that exists on the way."""
        while path not in self.marks:
            path = path[:-1]
        return self.marks[path]

    def line_of(self, path: Keys) -> int:
        """Return the line, from 1, of the key or item at the end of ``path``."""
        return self.mark_of(path).line

    def place(self, path: Keys) -> str:
        """Return file, line and column, as errors of ``load_document`` begin."""
        return f"{self.name}: {self.mark_of(path)}"


@dataclass(frozen=True)
class _Source:
    """A text that is being loaded: its name, and how errors about it are raised."""

    name: str
    error: type[OrharnessError]

    def fail(self, mark: Mark, sentence: str) -> NoReturn:
        raise self.error(f"{self.name}: {mark}: {sentence}")


# Documents


def load_document(text: str | bytes, name: str, *, error: type[OrharnessError] = ScenarioError) -> Located:
    """Return the document in a text. ``name``: the file, for errors.

    Raises ``error`` with one sentence that names file, line and column for anything but JSON-compatible YAML 1.2.
    """
    source = _Source(name, error)
    text = _decoded(text, source).removeprefix("\ufeff")
    found = _from_json(text, source)
    if found is not None:
        return found
    try:
        return _built(text, source, _FAST_LOADER)
    except yaml.YAMLError:  # libyaml refuses JSON's surrogate pairs, and its errors differ from PyYAML's
        pass
    try:
        return _built(text, source, yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        at = problem.problem_mark or problem.context_mark
        source.fail(_mark(at) if at else Mark(1, 1), f"this is not YAML: {problem.problem}")
    except yaml.reader.ReaderError as problem:
        mark = _mark_at(text, problem.position)
        source.fail(mark, f"the character U+{ord(text[problem.position]):04X} cannot be in a YAML file")


def dump_document(value: object) -> str:
    """Return the YAML of a value in JSON's types: ``load_document`` reads it as the same value.

    Raises ``ScenarioError`` for a value that JSON cannot hold.
    """
    _check_json(value, ())
    return _dump(value, _DOCUMENT_DUMPER)


def _decoded(text: str | bytes, source: _Source) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as problem:
        before = problem.object[: problem.start].decode()
        source.fail(_mark_at(before, len(before)), "the file is not UTF-8 from here on")


def _built(text: str, source: _Source, loader: Any) -> Located:
    builder = _Builder(source)
    for event in yaml.parse(text, Loader=loader):
        builder.take(event)
    return Located(builder.value, source.name, builder.marks)


@dataclass
class _Open:
    """A list or mapping that has not ended yet."""

    container: Any
    path: Keys
    key: str | None = None  # of a mapping: the key of the next value

    @property
    def wants_key(self) -> bool:
        return isinstance(self.container, dict) and self.key is None


class _Builder:
    """Builds the value of a document from the events of a YAML parser."""

    def __init__(self, source: _Source) -> None:
        self.value: Any = None
        self.marks: dict[Keys, Mark] = {(): Mark(1, 1)}
        self._source = source
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        """Process the next event of the parser."""
        if isinstance(event, yaml.NodeEvent):
            self._take_node(event, _mark(event.start_mark))
        elif isinstance(event, yaml.CollectionEndEvent):
            self.leave()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._source.fail(_mark(event.start_mark), "a second document begins here; a file holds one")

    def _take_node(self, event: Any, mark: Mark) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            self._source.fail(mark, f"{sign}{event.anchor}: anchors and aliases are not allowed; write the value out")
        if event.tag is not None:
            self._source.fail(mark, f"the tag {event.tag!r} is not allowed; write the value as JSON has it")
        if isinstance(event, yaml.ScalarEvent):
            self.take_scalar(event, mark)
        else:
            self.enter({} if isinstance(event, yaml.MappingStartEvent) else [], mark)

    def take_scalar(self, event: Any, mark: Mark) -> None:
        """Process a scalar: a key or a value."""
        plain = not event.style
        if self._open and self._open[-1].wants_key:
            self._take_key(event.value, plain, mark)
        elif plain:
            self._place(_plain(event.value, mark, self._source), mark)
        else:
            self._place(_joined(event.value, mark, self._source), mark)

    def _take_key(self, key: str, plain: bool, mark: Mark) -> None:
        if plain and not key:
            self._source.fail(mark, "a key is missing here")
        key = _joined(key, mark, self._source)
        within = self._open[-1]
        if key in within.container:
            first = self.marks[(*within.path, key)].line
            self._source.fail(mark, f"the key {key!r} is repeated; it is in line {first} already")
        self.marks[(*within.path, key)] = mark
        within.key = key

    def enter(self, container: Any, mark: Mark) -> None:
        """Begin a list or a mapping."""
        if self._open and self._open[-1].wants_key:
            self._source.fail(mark, "a key is text, not a list or a mapping")
        if len(self._open) >= _DEPTH:
            self._source.fail(mark, f"lists and mappings are nested more than {_DEPTH} deep")
        self._open.append(_Open(container, self._place(container, mark)))

    def leave(self) -> None:
        """End the list or mapping that began last."""
        self._open.pop()

    def _place(self, value: Any, mark: Mark) -> Keys:
        """Put the value in its place; return the path to it."""
        path: Keys = ()
        if not self._open:
            self.value, self.marks[path] = value, mark
            return path
        within = self._open[-1]
        if within.key is not None:
            path = (*within.path, within.key)
            within.container[within.key], within.key = value, None
        else:
            path = (*within.path, len(within.container))
            within.container.append(value)
            self.marks[path] = mark
        return path


def _plain(text: str, mark: Mark, source: _Source) -> object:
    """Return the value of a scalar without quotes."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number = _NUMBER.fullmatch(text)
    return _number(number, mark, source) if number else _joined(text, mark, source)


def _number(found: re.Match[str], mark: Mark, source: _Source) -> int | float:
    whole = not (found["fraction"] or found["exponent"])
    try:
        number = int(found[0]) if whole else float(found[0])
    except ValueError:  # more digits than Python converts
        number = float("inf")
    if abs(number) == float("inf"):
        source.fail(mark, f"the number {found[0]:.20} is too large")
    return number


def _joined(text: str, mark: Mark, source: _Source) -> str:
    r"""Return the text with JSON's surrogate pairs, as in ``"\ud83d\ude00"``, replaced by their characters."""
    if not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        source.fail(mark, "half of a surrogate pair is not a character")


def _from_json(text: str, source: _Source) -> Located | None:
    """Return the document if it is JSON, which YAML's parsers do not always accept (tabs, DEL, long keys)."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # YAML's parser has the better error, or accepts it
        return None
    return Located(value, source.name, _json_marks(text, source))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # JSON has neither NaN nor Infinity


def _json_marks(text: str, source: _Source) -> dict[Keys, Mark]:
    """Return the position of each part of a valid JSON text. Refuses what ``load_document`` refuses."""
    builder = _Builder(source)
    for token, mark in _json_tokens(text):
        if token in "{[":
            builder.enter({} if token == "{" else [], mark)
        elif token in "}]":
            builder.leave()
        elif token[0] == '"':
            builder.take_scalar(yaml.ScalarEvent(None, None, (True, True), json.loads(token), style='"'), mark)
        elif token not in ",:":
            builder.take_scalar(yaml.ScalarEvent(None, None, (True, True), token), mark)
    return builder.marks


def _json_tokens(text: str) -> Iterator[tuple[str, Mark]]:
    line, begins, before = 1, 0, 0
    for found in _JSON_TOKEN.finditer(text):
        for end in re.finditer(r"\r\n|\r|\n", text[before : found.start()]):
            line, begins = line + 1, before + end.end()
        before = found.end()
        yield found[0], Mark(line, found.start() - begins + 1)


def _check_json(value: object, path: Keys) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise ScenarioError(f"{_shown(path)}: half of a surrogate pair cannot be written")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ScenarioError(f"{_shown(path)}: a key is text, not {key!r}")
            _check_json(key, path)
            _check_json(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_json(inner, (*path, index))
    elif not (value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value))):
        raise ScenarioError(f"{_shown(path)}: JSON has no {value!r}")


def _shown(path: Keys) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".") or "the document"


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _mark_at(text: str, offset: int) -> Mark:
    lines = re.split(r"\r\n|\r|\n", text[:offset])
    return Mark(len(lines), len(lines[-1]) + 1)


# Cassettes


def load_data(text: str, *, error: type[OrharnessError], libyaml: bool = True) -> object:
    """Return the data of a YAML 1.1 text, with dates as text.

    Raises ``error`` if it is not YAML, or a mapping has a key twice: all but the last value would be lost.
    """
    loader = (_FAST if libyaml else _PURE)[0]
    try:
        if _begins(_ANCHOR, text) and _begins(_ALIAS, text):
            _check_growth(yaml.parse(text, Loader=loader), error)
        return yaml.load(text, Loader=loader)
    except _RepeatedKeyError as problem:
        raise error(str(problem)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error(f"the file is not YAML: {' '.join(str(problem).split())}") from problem  # PyYAML's has four lines


def dump_data(data: object, *, libyaml: bool = True) -> str:
    """Return the YAML text of the data, with texts of several lines as literal blocks. libyaml and PyYAML agree."""
    text = _dump(data, (_FAST if libyaml else _PURE)[1])
    # libyaml escapes characters beyond the BMP: a stream with an emoji would not be a literal block.
    return _dump(data, _PURE[1]) if "\\U" in text else text


class _RepeatedKeyError(Exception):
    """A mapping has a key twice."""


class FlowSequence(list[Any]):
    """A list that is written on one line."""


def _begins(sign: re.Pattern[str], text: str) -> bool:
    """Return whether a node may begin with the sign. The sign comes first: a search for one character is fast."""
    starts = (found.start() for found in sign.finditer(text))
    return any(start == 0 or text[start - 1] in "[{," or text[start - 1].isspace() for start in starts)


def _check_growth(events: Iterable[Any], error: type[OrharnessError]) -> None:
    """Refuse aliases of aliases of aliases: a few hundred bytes can expand to more nodes than fit in memory."""
    sizes: dict[str | None, int] = {}  # nodes by anchor, including those that its aliases expand to
    stack: list[tuple[str | None, int]] = []  # the anchor of an open node, and the total before it
    total = grown = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            total += sizes.get(event.anchor, 0)
            grown += sizes.get(event.anchor, 0)
            if grown > _GROWTH:
                mark = _mark(event.start_mark)
                raise error(f"{mark}: through aliases such as *{event.anchor} the file stands for too many values")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = stack.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.CollectionStartEvent):
            stack.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1


def _dump(data: object, dumper: Any) -> str:
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, default_flow_style=False, width=120)
    # After a literal block that ends in line ends, the emitters close the document with `...`, wherever the block was.
    return text[:-4] if text.endswith("\n...\n") else text


def _literal_where_it_can(dumper: yaml.representer.SafeRepresenter, text: str) -> yaml.Node:
    # The emitters quote what a literal block cannot hold (CR, tab, a blank at a line end, ...).
    style = '"' if _ODD_LINE_ENDS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _on_one_line(dumper: yaml.representer.SafeRepresenter, row: FlowSequence) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True)


def _dumper(base: Any) -> Any:
    made: Any = type("_Dumper", (base,), {"ignore_aliases": lambda self, data: True})
    made.add_representer(str, _literal_where_it_can)
    made.add_representer(FlowSequence, _on_one_line)
    return made


def _document_dumper() -> Any:
    made: Any = _dumper(yaml.SafeDumper)
    # Quote a text that this module would read as a number, and one that YAML 1.1 would not read as text.
    made.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"(?:{_NUMBER.pattern})$"), list("-0123456789"))
    return made


def _loader(base: Any) -> Any:
    """Return a safe loader that leaves dates as text, as in JSON."""
    resolvers = {
        first: [(tag, regexp) for tag, regexp in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self: Any, node: Any, deep: bool = False) -> Any:
        _check_repeated(node)
        return base.construct_mapping(self, node, deep=deep)

    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers, "construct_mapping": construct_mapping})


def _check_repeated(node: Any) -> None:
    seen: dict[tuple[str, str], Any] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            first = seen.setdefault((key.tag, key.value), key)
            if first is not key:
                here, before = _mark(key.start_mark), _mark(first.start_mark)
                raise _RepeatedKeyError(
                    f"{here}: the key {key.value!r} is repeated; it is in line {before.line} already"
                )


_PURE = (_loader(yaml.SafeLoader), _dumper(yaml.SafeDumper))
_FAST = (_loader(yaml.CSafeLoader), _dumper(yaml.CSafeDumper)) if yaml.__with_libyaml__ else _PURE
_FAST_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_DOCUMENT_DUMPER = _document_dumper()
