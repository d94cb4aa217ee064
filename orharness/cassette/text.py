"""The YAML text of a cassette: literal blocks wherever YAML can hold them, lists of numbers on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import yaml

from orharness.errors import CassetteError

_ODD_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # line ends to YAML 1.1, so only a quoted text keeps them


class Row(list[Any]):
    """A list that is written on one line."""


def _literal_where_it_can(dumper: yaml.representer.SafeRepresenter, text: str) -> yaml.Node:
    # For what a literal block cannot hold (CR, tab, a blank at a line end, ...) the emitters use quotes.
    style = '"' if _ODD_LINE_ENDS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _on_one_line(dumper: yaml.representer.SafeRepresenter, row: Row) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True)


def _dumper(base: Any) -> Any:
    made: Any = type("_Dumper", (base,), {"ignore_aliases": lambda self, data: True})
    made.add_representer(str, _literal_where_it_can)
    made.add_representer(Row, _on_one_line)
    return made


def _loader(base: Any) -> Any:
    """A safe loader that leaves dates what they are in JSON: text."""
    resolvers = {
        first: [(tag, regexp) for tag, regexp in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})


_PURE = (_loader(yaml.SafeLoader), _dumper(yaml.SafeDumper))
_FAST = (_loader(yaml.CSafeLoader), _dumper(yaml.CSafeDumper)) if yaml.__with_libyaml__ else _PURE


def written(data: Mapping[str, Any], *, libyaml: bool = True) -> str:
    """The YAML text of the data. libyaml and PyYAML write the same text."""
    text = _dump(data, (_FAST if libyaml else _PURE)[1])
    # libyaml cannot write a character beyond the BMP as it is: a stream with an emoji would not be a literal block.
    return _dump(data, _PURE[1]) if "\\U" in text else text


def _dump(data: object, dumper: Any) -> str:
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, default_flow_style=False, width=120)
    # Once a literal block has ended in line ends, the emitters close the document, wherever in it that was.
    return text[:-4] if text.endswith("\n...\n") else text


def read(text: str, *, libyaml: bool = True) -> object:
    """The data of a text of YAML, or of JSON. Raises ``CassetteError`` where it is neither."""
    with suppress(ValueError, RecursionError):  # vcrpy's JSON serializer writes surrogate pairs, which YAML cannot hold
        return json.loads(text)
    try:
        return yaml.load(text, Loader=(_FAST if libyaml else _PURE)[0])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CassetteError(f"the file is not YAML: {error}") from error
