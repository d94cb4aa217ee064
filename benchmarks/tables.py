"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any


@dataclass
class Table:
    """Rows under named columns, each with its unit, and a line on what each column means."""

    name: str
    title: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def __str__(self) -> str:
        cells = [self.columns, *(tuple(map(_shown, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(_aligned, row, widths, self._text_columns())).rstrip() for row in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([f"{self.name}. {self.title}", *(f"   {note}" for note in self.notes), "", *lines, ""])

    def as_markdown(self) -> str:
        """For documentation: a table with its title in front and its notes after."""
        lines = [self.columns, tuple("---" for _ in self.columns), *(tuple(map(_shown, row)) for row in self.rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([f"{self.name}: {self.title}", table, *self.notes])

    def as_dicts(self) -> dict[str, Any]:
        """For JSON: each row under the names of the columns."""
        return asdict(self) | {"rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows]}

    def _text_columns(self) -> list[bool]:
        first = self.rows[0] if self.rows else self.columns
        return [isinstance(value, str) for value in first]


def _aligned(text: str, width: int, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def percentile(values: Iterable[float], part: float) -> float:
    """The smallest of the values that ``part`` of them do not exceed (nearest rank)."""
    ordered: Sequence[float] = sorted(values)
    return ordered[max(0, ceil(part * len(ordered)) - 1)]
