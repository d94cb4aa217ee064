"""What the tests of our packages for other languages share."""

from __future__ import annotations

import pytest

from orharness.server.control.control import Control
from tests.support.control import Tried, trying


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Tried:
    """The control verbs that a server of this process answers from now on, and what was waited for."""
    found: Tried = set()
    monkeypatch.setattr(Control, "_run", trying(Control._run, found))
    return found
