"""What a streaming client must do, as cases that are run over a real socket and judged by what the client yields.

A client is a function ``client(base_url) -> Iterator[str]`` (or ``AsyncIterator[str]``) that asks for a streamed answer
and yields the text as it comes; closing the iterator is the cancel. No test framework is needed.

The rooms: ``catalogue`` (cases, which are documents), ``driving`` (functions, commands and drivers; it knows neither
cases nor servers), ``judging`` (pure), ``running`` (trials, sweeps, the bench). Cases and dialect are arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.contract.catalogue import cases_of
    from orharness.contract.catalogue.case import Case, Profile
    from orharness.contract.catalogue.default import CASES, FAMILIES, select
    from orharness.contract.catalogue.parse import parse
    from orharness.contract.catalogue.selection import CLAIMS, claim_of
    from orharness.contract.driving.subject import Client, Subject
    from orharness.contract.running.failure import failure_of
    from orharness.contract.running.run import run
else:  # a client in a process of its own needs the room ``driving`` alone: no cases, and no server
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "catalogue": "cases_of",
            "catalogue.case": "Case Profile",
            "catalogue.default": "CASES FAMILIES select",
            "catalogue.parse": "parse",
            "catalogue.selection": "CLAIMS claim_of",
            "driving.subject": "Client Subject",
            "running.failure": "failure_of",
            "running.run": "run",
        },
    )

__all__ = [
    "CASES",
    "CLAIMS",
    "FAMILIES",
    "Case",
    "Client",
    "Profile",
    "Subject",
    "cases_of",
    "claim_of",
    "failure_of",
    "parse",
    "run",
    "select",
]
