"""Lines for a file that is not a terminal are those that rich would print there."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.report.plain import PlainScreen, screen_for
from orharness.report.screen import Screen

# rich drops some control characters and expands tabs; what is printed has neither: ``contents.shown`` quotes them
LINES = st.text(st.characters(blacklist_categories=["Cc", "Cs"]))


def printed(
    show: Callable[[Screen | PlainScreen], None],
    screen: Callable[[io.TextIOWrapper], Screen | PlainScreen],
    encoding: str,
) -> bytes:
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding)
    show(screen(file))
    file.flush()
    return data.getvalue()


@given(
    LINES,
    st.lists(LINES, min_size=1, max_size=3).map("\n".join),
    st.integers(0, 5),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_the_lines_are_those_of_rich(name: str, text: str, indent: int, encoding: str) -> None:
    def show(screen: Screen | PlainScreen) -> None:
        screen.line(name, "bold")
        screen.say(text, "dim", indent)
        screen.named(name, text.replace("\n", " "))
        screen.line()

    assert printed(show, PlainScreen, encoding) == printed(show, Screen, encoding)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_and_a_wish_for_colours_have_rich() -> None:
    assert isinstance(screen_for(Terminal(), {}), Screen)
    assert isinstance(screen_for(io.StringIO(), {"FORCE_COLOR": "1"}), Screen)
    assert isinstance(screen_for(io.StringIO(), {"TTY_COMPATIBLE": "1"}), Screen)
    assert isinstance(screen_for(io.StringIO(), {"NO_COLOR": "1"}), PlainScreen)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_each_line_is_there_at_once(encoding: str) -> None:
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding)
    PlainScreen(file).line("3 → 4")
    assert data.getvalue().decode(encoding) == ("3 → 4\n" if encoding == "utf-8" else "3 > 4\n")
