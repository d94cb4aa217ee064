"""Where reports are printed: a terminal with its width and colours, or a file that gets everything, plain."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from rich.console import Console
from rich.text import Text

from orharness.report.encoding import in_ascii, is_unicode, never_fail
from orharness.report.plain import named

_MINIMUM = 16  # cells of the flexible column, at least, whatever the terminal's width
_SPACE = 2  # cells between two columns


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title and alignment. The ``flexible`` one takes the remaining cells, and wraps."""

    title: str
    right: bool = False
    flexible: bool = False


Cell = Text | Sequence[Text]
"""A text; or several, none of which is broken if it fits on a line of its own."""
Row = Sequence[Cell] | Text
"""The cells of a row; or one text across all columns."""
_Pieces = Sequence[Sequence[Text]]
_GAP = Text("  ")


@dataclass(frozen=True, slots=True)
class TableLines:
    """A table's lines: those of its titles, and those of each row."""

    titles: list[Text]
    rows: list[list[Text]]


class Screen:
    """Prints lines of styled text.

    ``width`` is the terminal's, or ``None`` without one: then nothing is wrapped or cut, there is no colour, and
    characters that the file's encoding lacks are written as ``\\u…``. Honours ``NO_COLOR`` and ``TERM=dumb``.
    """

    def __init__(self, file: TextIO | None = None, *, width: int | None = None) -> None:
        self._file = file or sys.stdout
        never_fail(self._file)
        self._console = Console(file=self._file, width=width, highlight=False, markup=False, emoji=False)
        self.width = width or (self._console.width if self._file.isatty() else None)
        self.ascii = not is_unicode(self._console.encoding)

    def line(self, text: Text | str = "", style: str = "") -> None:
        """Print one line as it is, never wrapped."""
        self._console.print(self.held(text, style), soft_wrap=True)

    def named(self, name: str, value: str) -> None:
        """Print one line: a name, in a column of its own, and a value."""
        self.line(Text.assemble((named(name), "dim"), value))

    def lines(self, lines: Iterable[Text | str]) -> None:
        """Print several lines."""
        for line in lines:
            self.line(line)

    def say(self, text: Text | str, style: str = "", indent: int = 0) -> None:
        """Print a paragraph, wrapped to the terminal, indented by ``indent`` blanks."""
        self.lines(self.indented(self.held(text, style), indent))

    def indented(self, text: Text, indent: int, first: Text | None = None) -> Iterator[Text]:
        """Yield the text's lines, indented by ``indent`` blanks (or ``first``) and wrapped to the terminal's width."""
        pad = Text(" " * indent)
        width = None if self.width is None else max(_MINIMUM, self.width - indent)
        for number, line in enumerate(self._wrapped(text, width)):
            yield (pad if number or first is None else first) + line

    def held(self, text: Text | str, style: str = "") -> Text:
        """Return the text as the file can hold it."""
        if isinstance(text, str):
            text = Text(text, style)
        if not self.ascii or text.plain.isascii():
            return text
        pieces = text.divide(range(1, len(text)))
        return Text().join(Text(in_ascii(piece.plain), _style_of(piece)) for piece in pieces)

    def grid(self, columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[Text]:
        """Yield a table's lines, its titles first; no line ends in blanks."""
        table = self.table(columns, rows)
        return chain(table.titles, chain.from_iterable(table.rows))

    def table(self, columns: Sequence[Column], rows: Iterable[Row]) -> TableLines:
        """Return the table, with the lines of each row separate."""
        held = [self.held(row) if isinstance(row, Text) else [self._pieces(cell) for cell in row] for row in rows]
        titles = [self._pieces(Text(column.title, "bold")) for column in columns]
        widths = self._widths(columns, [titles, *(row for row in held if not isinstance(row, Text))])
        return TableLines(
            list(self._grid_row(columns, titles, widths)), [list(self._row(columns, row, widths)) for row in held]
        )

    def _pieces(self, cell: Cell) -> list[Text]:
        return [self.held(piece) for piece in ([cell] if isinstance(cell, Text) else cell)]

    def _row(self, columns: Sequence[Column], row: _Pieces | Text, widths: Sequence[int]) -> Iterator[Text]:
        if not isinstance(row, Text):
            return self._grid_row(columns, row, widths)
        indent = len(row.plain) - len(row.plain.lstrip(" "))
        return self.indented(row[indent:], indent)

    def _widths(self, columns: Sequence[Column], rows: Sequence[_Pieces]) -> list[int]:
        widths = [max(_GAP.join(row[index]).cell_len for row in rows) for index in range(len(columns))]
        if self.width is not None:
            room = self.width - _SPACE * (len(columns) - 1)
            for index, column in enumerate(columns):
                if column.flexible:
                    left = room - sum(widths) + widths[index]
                    widths[index] = min(widths[index], max(_MINIMUM, left))
        return widths

    def _grid_row(self, columns: Sequence[Column], row: _Pieces, widths: Sequence[int]) -> Iterator[Text]:
        cells = [
            list(self._laid(cell, width if column.flexible else None))
            for column, cell, width in zip(columns, row, widths, strict=True)
        ]
        for number in range(max(map(len, cells))):
            line = Text()
            for column, lines, width in zip(columns, cells, widths, strict=True):
                cell = lines[number] if number < len(lines) else Text()
                pad = " " * max(0, width - cell.cell_len)
                line = line + (Text(pad) + cell if column.right else cell + pad) + " " * _SPACE
            line.rstrip()
            yield line

    def _laid(self, pieces: Sequence[Text], width: int | None) -> Iterator[Text]:
        """Yield lines with as many pieces each as fit."""
        line = Text()
        for piece in pieces:
            joined = line + _GAP + piece if line else piece
            if line and width is not None and joined.cell_len > width:
                yield from self._wrapped(line, width)
                joined = piece
            line = joined
        yield from self._wrapped(line, width)

    def _wrapped(self, text: Text, width: int | None) -> Iterator[Text]:
        if width is None or (text.cell_len <= width and "\n" not in text.plain):
            yield from text.split("\n", allow_blank=True)
        else:
            for line in text.wrap(self._console, width, overflow="fold"):
                line.rstrip()
                yield line


def _style_of(piece: Text) -> str:
    """Return the style of a text of one character: that of its span, else its own."""
    return str(piece.spans[-1].style if piece.spans else piece.style)
