"""Judging what a client did: pure functions of what was expected, what it yielded and what the server saw."""
