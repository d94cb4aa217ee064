"""The exit codes of the commands, other than 0."""

from __future__ import annotations

FAILED = 1  # what was judged does not hold
WRONG_CALL = 2  # the command cannot do what it was asked
