"""vcrpy's serializer protocol: a cassette as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from orharness.cassette.at import At
from orharness.cassette.damage import KEY, VERSION, check_total, check_version, counted
from orharness.cassette.foreign import as_vcrpy_takes_it
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
        interactions = counted([_laid_out(one) for one in cassette_dict["interactions"]])
        return dump_data({**others, "interactions": interactions, "version": VERSION}, libyaml=self._libyaml)

    def deserialize(self, cassette_string: str) -> dict[str, Any]:
        """Return the cassette as vcrpy expects it: bodies under ``body``, header values in lists."""
        if not cassette_string.strip():
            raise CassetteError("the file is empty")
        data = self._parse(cassette_string)
        if isinstance(data, list) and data:
            raise CassetteError("the file has a form from before vcrpy 1.0: run `python -m vcr.migration` on it")
        root = At("", data)
        check_version(root)
        interactions = root["interactions"].items()
        check_total(interactions)
        return {**root.mapping(), "interactions": [as_vcrpy_takes_it(one) for one in interactions]}

    def _parse(self, text: str) -> object:
        # vcrpy's JSON serializer writes surrogates, which YAML cannot express
        with suppress(ValueError, RecursionError):
            return json.loads(text)
        return load_data(text, error=CassetteError, libyaml=self._libyaml)


def _laid_out(interaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return the interaction with each of its chunks on one line."""
    response = interaction["response"]
    ours = response.get(KEY)
    if isinstance(ours, dict) and isinstance(ours.get("chunks"), list):
        rows = FlowSequence(FlowSequence(row) if isinstance(row, list) else row for row in ours["chunks"])
        response = {**response, KEY: {**ours, "chunks": rows}}
    return {**interaction, "response": response}
