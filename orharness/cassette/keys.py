"""The key under which a cassette keeps what vcrpy has no place for, the number of its form, and vcrpy's filters.

It imports nothing, so that the pytest plugin can know the names.
"""

from __future__ import annotations

FORMAT = 1
KEY = "x-orharness"

FILTERS_OF_REQUESTS = (
    "filter_headers",
    "filter_query_parameters",
    "filter_post_data_parameters",
    "filter_nested_post_data_parameters",
    "before_record_request",
    "before_record",
    "ignore_hosts",
    "ignore_localhost",
)
FILTERS_OF_RESPONSES = ("before_record_response",)
FILTERS = (*FILTERS_OF_REQUESTS, *FILTERS_OF_RESPONSES)
