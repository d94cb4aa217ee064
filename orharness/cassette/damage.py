"""Detection of cassettes that have lost a part.

``version: 1`` is the last line that we and vcrpy write, so a file without it has lost its end. A total, in the first
interaction that has ``x-orharness``, reveals a missing interaction in a file that still has its end.
"""

from __future__ import annotations

from typing import Any

from orharness.cassette.at import At

FORMAT = 1
KEY = "x-orharness"
TOTAL = "interactions"  # below KEY, in the first interaction: the number of interactions in the file
VERSION = 1  # the version of vcrpy's format


def check_version(root: At) -> None:
    """Refuse a file that has lost its end, and an unknown version."""
    if "version" not in root:
        At("version", None).fail(
            "this key is missing: it is the last line of a cassette, so the end of this file is lost. Restore the file"
            " or record it again; if nothing else is missing, add the line `version: 1`"
        )
    if root["version"].value != VERSION:
        root["version"].fail(f"vcrpy's version {root['version'].value!r} is not known here")


def check_total(interactions: list[At]) -> None:
    """Refuse a file with fewer interactions than were written. More are allowed: vcrpy appends its own to ours."""
    for interaction in interactions:
        response = interaction["response"]
        if KEY not in response or TOTAL not in response[KEY]:
            continue
        total = response[KEY][TOTAL]
        if total.integer(1) > len(interactions):
            total.fail(
                f"{total.value} interactions were written, but the file holds {len(interactions)}. Restore the file or"
                f" record it again; if the others were deleted on purpose, set this key to {len(interactions)}"
            )


def counted(interactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the interactions with their number in the first that has ``x-orharness``, as its last key."""
    ours = (index for index, one in enumerate(interactions) if isinstance(one["response"].get(KEY), dict))
    first = next(ours, None)
    return [_with_total(one, len(interactions) if at == first else None) for at, one in enumerate(interactions)]


def _with_total(interaction: dict[str, Any], total: int | None) -> dict[str, Any]:
    response = interaction["response"]
    if not isinstance(response.get(KEY), dict):
        return interaction
    ours = {name: value for name, value in response[KEY].items() if name != TOTAL}
    return {**interaction, "response": {**response, KEY: ours if total is None else {**ours, TOTAL: total}}}
