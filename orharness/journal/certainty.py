"""How certain a statement of the journal is. docs/certainty.md lists what TCP proves, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Certainty(StrEnum):
    """How a value is known. A null value is ``unknown``."""

    SEEN = "seen"
    """The kernel reported it, or the server did it itself."""
    INFERRED = "inferred"
    """It follows from what was seen, by a rule that always holds."""
    AT_LEAST = "at_least"
    """A lower bound, or a judgement based on one."""
    UNKNOWN = "unknown"
    """Nothing that the server can observe decides it."""

    @property
    def sure(self) -> bool:
        """Whether the value is right whatever the client did unseen."""
        return self in (Certainty.SEEN, Certainty.INFERRED)


@dataclass(frozen=True, slots=True)
class Certainties:
    """How the values of the same names are known: an exchange's ``outcome``, ``how`` and ``bytes_read``, and its bill's
    ``tokens_read``.
    """

    outcome: Certainty = Certainty.SEEN
    how: Certainty = Certainty.SEEN
    bytes_read: Certainty = Certainty.SEEN
    tokens_read: Certainty = Certainty.SEEN
