"""What a streaming client must do, as cases that are run over a real socket and judged by what the client yields.

A client is a function ``client(base_url) -> Iterator[str]`` (or ``AsyncIterator[str]``) that asks for a streamed chat
completion and yields the text as it comes; closing the iterator is the cancel. No test framework is needed.
"""

from __future__ import annotations

from orharness.contract.catalogue import CASES, CLAIMS, FAMILIES, claim_of, select
from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.driving.subject import Client, Subject
from orharness.contract.running.failure import failure_of
from orharness.contract.running.run import run

__all__ = [
    "CASES",
    "CLAIMS",
    "FAMILIES",
    "Case",
    "Client",
    "Profile",
    "Subject",
    "claim_of",
    "failure_of",
    "run",
    "select",
]
