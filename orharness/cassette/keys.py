"""The key under which a cassette keeps what vcrpy has no place for, and the number of its form."""

from __future__ import annotations

FORMAT = 1
KEY = "x-orharness"
