"""Recorded exchanges as vcrpy cassettes: version 1, YAML, so that any vcrpy user can replay them too.

vcrpy has no place for chunk boundaries, timing, framing and ending. They are kept inside ``response``, under
``x-orharness`` (the only place that every vcrpy since 7 keeps when it saves a cassette again)::

    x-orharness:
      format: 1
      head: 0.231                            # seconds from the request to the response head
      chunks: [[0.412, 24], [0.02, 131]]     # [seconds after the one before, bytes]; the sizes add up to the body
      framing: chunked                       # or length, close
      ending: eof                            # or abort, reset, hang, client_disconnected (which replays as abort)
      recorded_at: '2026-11-22T06:00:00Z'
      announced: 200                         # only where a Content-Length promised more bytes than came, or for HEAD
      note: the recorder was stopped         # only where there is something to say
      timed: false                           # only where chunks and delays are not those of a recording
      sha256: 9f86d081884c7d659a2feaa0…      # the checksum of the interaction: of its values, not of their layout
      interactions: 31                       # in the first interaction only: how many the file holds; beside it
                                             # `ours: N`, where others are not of orharness

The modules: ``interaction`` (what is recorded), ``codec`` (an interaction as vcrpy's request and response),
``foreign`` (cassettes that vcrpy or pydantic-ai wrote), ``damage`` (what shows that a file is incomplete or changed),
``seal`` (accepts a file that was edited on purpose), ``at`` (a value and its key, for errors), ``serializer`` and
``files`` (vcrpy's two protocols, ``load``, ``save``), ``secrets`` (what is never written), ``filters`` (vcrpy's, of a
user), ``tape`` (a cassette that is being recorded), ``names`` (of a test's cassette).

The names below are imported when they are first used, so that code which only handles an ``Interaction`` does not load
vcrpy, which imports every HTTP library that is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.cassette.files import Persister as Persister
    from orharness.cassette.files import load as load
    from orharness.cassette.files import save as save
    from orharness.cassette.filters import Filters as Filters
    from orharness.cassette.interaction import CLIENT_DISCONNECTED as CLIENT_DISCONNECTED
    from orharness.cassette.interaction import Headers as Headers
    from orharness.cassette.interaction import Interaction as Interaction
    from orharness.cassette.interaction import RecordedRequest as RecordedRequest
    from orharness.cassette.interaction import header as header
    from orharness.cassette.seal import seal as seal
    from orharness.cassette.secrets import redact as redact
    from orharness.cassette.secrets import scrub as scrub
    from orharness.cassette.secrets import scrub_uri as scrub_uri
    from orharness.cassette.serializer import Serializer as Serializer
    from orharness.cassette.tape import Tape as Tape

_HOMES = {
    "files": "Persister load save",
    "filters": "Filters",
    "interaction": "CLIENT_DISCONNECTED Headers Interaction RecordedRequest header",
    "seal": "seal",
    "secrets": "redact scrub scrub_uri",
    "serializer": "Serializer",
    "tape": "Tape",
}
if not TYPE_CHECKING:  # with a package's __getattr__, a type checker would accept any name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = sorted(" ".join(_HOMES.values()).split())
