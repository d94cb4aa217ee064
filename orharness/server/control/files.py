"""A file that is sent to be played: a scenario, a cassette, or another tool's recording, known by what is in it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from orharness.errors import CassetteError, ScenarioError
from orharness.lazy import Deferred
from orharness.scenario.document import examined_text
from orharness.scenario.document import read as read_scenario
from orharness.scenario.playback import serving_routes
from orharness.scenario.route import Route
from orharness.server.control.documents import route_document
from orharness.server.control.playing import AGAIN, ONCE, SCHEMA, Playback
from orharness.server.control.posted import Confined
from orharness.server.control.problems import Problem
from orharness.server.control.verbs import Schema, VerbAnswer, VerbCall
from orharness.server.mounts import Mounted

if TYPE_CHECKING:
    import orharness.conversion.reading as reading
    from orharness.conversion.source import OtherRecording
else:
    reading = Deferred("orharness.conversion.reading")  # vcrpy imports every HTTP library that is installed

FILE: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The name of the file, for the texts of errors."},
        "text": {"type": "string", "description": "What is in it."},
        "play": {
            "enum": [ONCE, AGAIN],
            "description": "Of a recording, as `sse_server.cassette` (`once`) or `sse_server.serve` (`again`) plays it:"
            " after the other routes. Without it, `again`, and before the other routes.",
        },
        "options": {**SCHEMA, "description": "With `play`: the options of `sse_server.cassette`, or of `serve`."},
    },
    "required": ["name", "text"],
    "additionalProperties": False,
}
SCENARIO = "scenario"


async def play_file(asked: VerbCall) -> VerbAnswer:
    """Put the routes of a file before all others of a session, or as ``play`` says after them."""
    name, text = _given(asked.document)
    mounts = asked.session.answering.mounted
    if "play" in asked.document:
        playback = Playback.read(asked.document["play"], asked.document.get("options", {}))
        if _is_scenario(text):
            raise ScenarioError(f"{name}: play is for a recording, and this is a scenario")
        source = await asyncio.to_thread(_read, name, text)
        if source.scenario is not None:
            raise ScenarioError(f"{name}: play is for a recording, and this makes a scenario ({source.form})")
        form, mounted = source.form, playback.mounted(source.interactions)
        mounts.extend(mounted)
    else:
        form, routes = await asyncio.to_thread(routes_of, name, text, asked.scenarios)
        mounted = [Mounted(route, strict=False) for route in routes]
        mounts.put_first(mounted)
    return VerbAnswer({"form": form, "routes": [route_document(one) for one in mounted]}, 201)


def _given(document: object) -> tuple[str, str]:
    names = set(document) if isinstance(document, Mapping) else set()
    if not isinstance(document, Mapping) or not {"name", "text"} <= names <= set(FILE["properties"]):
        raise Problem(400, 'a file is sent as {"name": …, "text": …}, and play and options where it is a recording')
    if "options" in names and "play" not in names:
        raise Problem(400, "options are for a file that is sent with play")
    name, text = document["name"], document["text"]
    if not isinstance(name, str) or not isinstance(text, str):
        raise Problem(400, "the name and the text of a file are texts")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Problem(400, "the text of the file has half of a surrogate pair, which no file can have") from error
    return name, text


def routes_of(name: str, text: str, scenarios: Path | None) -> tuple[str, list[Route]]:
    """Return the form of a file and its routes. Raises ``OrharnessError`` for one that cannot be played."""
    if _is_scenario(text):
        return SCENARIO, _scenario(text, name, scenarios)
    source = _read(name, text)
    if source.scenario is not None:
        return source.form, list(read_scenario(source.scenario, Confined(scenarios)).routes)
    return source.form, serving_routes(source.interactions)


def _read(name: str, text: str) -> OtherRecording:
    """Return what a recording holds. Raises ``CassetteError`` for one that cannot be played."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_text(text, "utf-8", newline="")
        try:
            source = reading.read(file)
        except CassetteError as error:
            raise CassetteError(str(error).replace(str(file), name)) from error
    if not source.interactions and source.scenario is None:
        raise CassetteError(f"{name}: there is no answer in it that can be played")
    return source


def _is_scenario(text: str) -> bool:
    """Whether a file means to be a scenario, so that its mistakes are reported as those of one."""
    if (data := _json(text)) is None:
        return re.search(r"^orharness\s*:", text, re.M) is not None
    return isinstance(data, Mapping) and "orharness" in data


def _json(text: str) -> object:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _scenario(text: str, name: str, scenarios: Path | None) -> list[Route]:
    scenario, wrong = examined_text(text, name, Confined(scenarios))
    if wrong:
        raise ScenarioError(wrong[0])
    return list(scenario.routes)
