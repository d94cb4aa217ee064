"""Everything orharness raises on purpose, in two families that never mix.

::

    OrharnessError                 the harness, or what it was given, is wrong
    ├── ScenarioError              an impossible scenario: size < 1, a marker that is not there
    │   └── Inexpressible          the API's stream has no form for it: a comment in NDJSON
    ├── CassetteError              not found, unreadable, chunk sizes that do not add up
    └── UpstreamError              the recorded server failed
    ClientFailure(AssertionError)  the client under test is wrong

The first family is a mistake in the test, or in the cassette that it uses; the second is a finding about the client,
an ``AssertionError``, so that every test runner shows it as a failed test and not as a broken one.
"""

from __future__ import annotations


class OrharnessError(Exception):
    """The harness, or what it was given, is wrong."""


class ScenarioError(OrharnessError):
    """The scenario is impossible: a size below 1, a marker that is not in the stream, an unknown option."""


class Inexpressible(ScenarioError):  # noqa: N818 - what it is, as its name says
    """The API's stream cannot express it: a comment in NDJSON, a tool call where there are no tools."""


class CassetteError(OrharnessError):
    """A cassette is not found, unreadable or damaged. The text names the file and the key."""


class UpstreamError(OrharnessError):
    """The recorded server could not be reached, or failed."""


class ClientFailure(AssertionError):  # noqa: N818 - it is a finding about a client, not an error of ours
    """The client under test is wrong: the text says what was seen, what was expected and what leaked.

    ``exchange`` is its journal entry, or ``None`` if no request came at all.
    """

    def __init__(self, message: str, exchange: object | None = None) -> None:
        super().__init__(message)
        self.exchange = exchange
