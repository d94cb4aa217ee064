"""The JSON Schema of scenario documents: ``python -m orharness.scenario.schema`` writes the file that is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from orharness.scenario.bodies import COMPLETION_SCHEMA, EVENT_SCHEMA, KINDS, BodyKind
from orharness.scenario.document import OPTIONS, ROUTE, VERSION
from orharness.scenario.forms import TRANSFORM_SCHEMA, Schema, either, object_schema

SHIPPED = Path(__file__).with_name("scenario.schema.json")


def schema(*, own: bool = True) -> Schema:
    """Return the JSON Schema (draft 2020-12) of a scenario document.

    It has the registered dialects and, unless ``own`` is false, the transforms of the user's modules that were
    imported.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of orharness",
        **object_schema(
            {"orharness": {"const": VERSION}, "routes": {"type": "array", "items": {"$ref": "#/$defs/route"}}},
            ["orharness", "routes"],
        ),
        "$defs": {
            "route": either(_with_replies(), *_forms(ROUTE)),
            "reply": either(*_forms({})),
            "event": EVENT_SCHEMA,
            "completion": COMPLETION_SCHEMA,
            "transform": TRANSFORM_SCHEMA(own=own),
            **{key: form.schema for key, form in (OPTIONS | ROUTE).items()},
        },
    }


def _with_replies() -> Schema:
    replies = {"type": "array", "items": {"$ref": "#/$defs/reply"}, "minItems": 1}
    return object_schema({**_schemas(ROUTE), "replies": replies}, ["replies"])


def _forms(around: Mapping[str, object]) -> Iterable[Schema]:
    """Yield the schema of a mapping for each key that defines a body, with the keys allowed beside it."""
    for kind in KINDS.values():
        for key, one in kind.keyed().items():
            if key != "interaction":
                yield _form(kind, {key: one}, [key], around)
        if not kind.required:
            yield _form(kind, {}, ["status"], around)


def _form(kind: BodyKind, body: Mapping[str, Schema], required: list[str], around: Mapping[str, object]) -> Schema:
    more = {key: one for key, one in kind.keyed().items() if key == "interaction"}
    return object_schema({**_schemas(around), **body, **more, **_schemas(kind.takes)}, required)


def _schemas(keys: Iterable[str]) -> dict[str, Schema]:
    return {key: {"$ref": f"#/$defs/{key}"} for key in keys}


def text() -> str:
    """Return the schema as in the shipped file, without what a user has added."""
    return json.dumps(schema(own=False), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(text(), "utf-8")
