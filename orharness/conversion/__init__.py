"""Recordings of other tools: reading them, and writing cassettes, HAR, event streams and scenario documents.

What a source does not know (the request, chunk boundaries, times) is said in a note and not invented. Secrets are left
out of whatever is written, as the recorder does.

The modules: ``source`` (what was read), ``reading`` (which form a file has), ``recordings`` (Ruby VCR, go-vcr),
``har``, ``bodies`` (``curl -i``, raw event streams, the AI SDK's chunks), ``aimock`` (fixtures), ``writing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.conversion.reading import FORMS as FORMS
    from orharness.conversion.reading import interactions_in as interactions_in
    from orharness.conversion.reading import read as read
    from orharness.conversion.source import OtherRecording as OtherRecording
    from orharness.conversion.writing import OUTPUTS as OUTPUTS
    from orharness.conversion.writing import written as written

_HOMES = {"reading": "FORMS interactions_in read", "source": "OtherRecording", "writing": "OUTPUTS written"}
if not TYPE_CHECKING:  # a checker would take any name from a package with __getattr__
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = sorted(" ".join(_HOMES.values()).split())
