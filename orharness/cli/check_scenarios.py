"""``orharness serve --check``: whether scenarios are valid."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from orharness.errors import ScenarioError
from orharness.scenario.document import examined
from orharness.verdict import count


def check_scenarios(files: Sequence[Path]) -> bool:
    """Print on stdout which scenarios are valid, and on stderr what is wrong with the others, a line each.

    Returns whether all are valid. Raises ``ScenarioError`` if there are none.
    """
    if not files:
        raise ScenarioError("--check needs a scenario: orharness serve --check FILE")
    good = True
    for file in files:
        scenario, wrong = examined(file)
        for line in wrong:
            sys.stderr.write(f"{line}\n")
        if not wrong:
            sys.stdout.write(f"{file} is valid: {count(len(scenario.routes), 'route')}\n")
        good = good and not wrong
    return good
