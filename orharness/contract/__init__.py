"""What a streaming client must do, as cases that are run over a real socket and judged by what the client yields.

A client is a function ``client(base_url) -> Iterator[str]`` (or ``AsyncIterator[str]``) that asks for a streamed chat
completion and yields the text as it comes; closing the iterator is the cancel. No test framework is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.contract.case import Case as Case
    from orharness.contract.case import Profile as Profile
    from orharness.contract.cases import CASES as CASES
    from orharness.contract.cases import CLAIMS as CLAIMS
    from orharness.contract.cases import FAMILIES as FAMILIES
    from orharness.contract.cases import claim_of as claim_of
    from orharness.contract.cases import select as select
    from orharness.contract.clients import Client as Client
    from orharness.contract.clients import Subject as Subject
    from orharness.contract.failure import failure_of as failure_of
    from orharness.contract.runner import run as run

_HOMES = {
    "case": "Case Profile",
    "cases": "CASES CLAIMS FAMILIES claim_of select",
    "clients": "Client Subject",
    "failure": "failure_of",
    "runner": "run",
}
# A process that only runs a client (``worker``) should not wait for a server and its catalogue.
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = sorted(" ".join(_HOMES.values()).split())
