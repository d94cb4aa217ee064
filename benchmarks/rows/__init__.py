"""The rows of ``python -m benchmarks.all``: each measures one cost beside its baseline, in the same run."""

from __future__ import annotations

from benchmarks.rows.row import Row as Row
