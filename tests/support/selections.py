"""Parts of the catalogue, for tests in which every case would take too long."""

from __future__ import annotations

from orharness.contract import CASES
from orharness.contract.catalogue.chunkings import EVERY_OFFSET

# The sweeps over every offset are thousands of requests; what else is in the catalogue is hundreds.
WITHOUT_SWEEPS = tuple(case.id for case in CASES if EVERY_OFFSET not in case.chunkings)
OF_THE_GATEWAY = tuple(
    case.id for case in CASES if case.id in WITHOUT_SWEEPS and case.profile == "gateway" and case.family != "boundaries"
)
