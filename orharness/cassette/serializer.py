"""vcrpy's serializer protocol: a cassette as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

import vcr.request  # type: ignore[import-untyped]

from orharness.cassette.at import At
from orharness.cassette.codec import from_vcrpy
from orharness.cassette.damage import (
    VERSION,
    check_order,
    check_seals,
    check_total,
    check_version,
    refuse_unsealed,
    sealed,
)
from orharness.cassette.foreign import as_vcrpy_takes_it
from orharness.cassette.keys import KEY
from orharness.errors import CassetteError
from orharness.yamlfile import FlowSequence, dump_data, load_data


class Serializer:
    """vcrpy's serializer protocol: ``VCR.register_serializer("orharness", Serializer())``.

    A text of several lines is a literal block wherever YAML can express it, so that a stream is readable and diffs line
    by line. Loading also accepts pydantic-ai's form, in which JSON is under ``parsed_body`` in place of ``body``.
    Raises ``CassetteError``, with the key, for anything that is not a cassette.
    """

    def __init__(self, *, libyaml: bool = True) -> None:
        self._libyaml = libyaml

    def serialize(self, cassette_dict: Mapping[str, Any]) -> str:
        """Return the YAML text, with ``version`` as its last line."""
        others = {name: value for name, value in cassette_dict.items() if name != "version"}
        interactions = sealed([_laid_out(one) for one in cassette_dict["interactions"]])
        return dump_data({**others, "interactions": interactions, "version": VERSION}, libyaml=self._libyaml)

    def deserialize(self, cassette_string: str) -> dict[str, Any]:
        """Return the cassette as vcrpy expects it: bodies under ``body``, header values in lists."""
        root = self.read(cassette_string)
        interactions = root["interactions"].items()
        check_total(interactions)
        taken = [as_vcrpy_takes_it(one) for one in interactions]
        changed = check_seals(root, taken)
        if changed is not None:
            _explain(taken[changed], changed)
        check_order(root)
        return {**root.mapping(), "interactions": taken}

    def check(self, text: str) -> None:
        """Raise ``CassetteError`` if the text is not a cassette whose every interaction can be replayed."""
        for index, one in enumerate(self.deserialize(text)["interactions"]):
            _interaction(one, index)

    def read(self, cassette_string: str) -> At:
        """Return the cassette as it is written, whether anything in it was changed or not."""
        if not cassette_string.strip():
            raise CassetteError("the file is empty")
        data = self._parse(cassette_string)
        if isinstance(data, list) and data:
            raise CassetteError("the file has a form from before vcrpy 1.0: run `python -m vcr.migration` on it")
        root = At("", data)
        check_version(root)
        return root

    def _parse(self, text: str) -> object:
        # vcrpy's JSON serializer writes surrogates, which YAML cannot express
        with suppress(ValueError, RecursionError):
            return json.loads(text, object_pairs_hook=_without_repeated)
        return load_data(text, error=CassetteError, libyaml=self._libyaml)


def _without_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raise ``ValueError`` for an object with a repeated key: the YAML parser then says in which line it is."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _explain(interaction: Mapping[str, Any], index: int) -> NoReturn:
    """Refuse an interaction that was changed: say what is wrong in it, if that shows, else that something is."""
    _interaction(interaction, index)
    refuse_unsealed(index)


def _interaction(interaction: Mapping[str, Any], index: int) -> None:
    request = vcr.request.Request._from_dict(dict(interaction["request"]))
    from_vcrpy(request, At(f"interactions[{index}].response", interaction["response"]))


def _laid_out(interaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return the interaction with each of its chunks on one line."""
    response = interaction["response"]
    ours = response.get(KEY)
    if isinstance(ours, dict) and isinstance(ours.get("chunks"), list):
        rows = FlowSequence(FlowSequence(row) if isinstance(row, list) else row for row in ours["chunks"])
        response = {**response, KEY: {**ours, "chunks": rows}}
    return {**interaction, "response": response}
