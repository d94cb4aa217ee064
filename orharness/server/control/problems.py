"""Error responses of the control API: ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from typing import Any

from orharness.errors import ClientFailure, OrharnessError
from orharness.scenario.node import DocumentError

CONTENT_TYPE = "application/problem+json"
WRONG_CALL = "about:blank"  # RFC 9457, section 4.2.1: the status says it all
SCENARIO = "urn:orharness:problem:scenario"
CLIENT = "urn:orharness:problem:client"
TYPES = (WRONG_CALL, SCENARIO, CLIENT)
TITLES = {
    400: "The call is wrong",
    401: "The token is missing or wrong",
    403: "The call is refused",
    404: "Not found",
    405: "The method is not allowed",
    409: "The client under test is wrong",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The scenario is wrong",
    429: "Too many sessions",
    500: "orharness failed",
    501: "Several processes share this port",
}


class Problem(Exception):  # noqa: N818 - the name of RFC 9457
    """An error response. ``detail`` is one sentence: what, where, what to do.

    ``headers``: of the response. ``more``: additional members of the document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        kind: str = WRONG_CALL,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = headers
        self.more = more

    def to_json(self) -> dict[str, Any]:
        """Return the problem document."""
        title = TITLES[self.status]
        return {"type": self.kind, "title": title, "status": self.status, "detail": self.detail, **self.more}


def of_error(error: OrharnessError) -> Problem:
    """Return the problem for an error; one in a document has its location as a JSON pointer (RFC 6901)."""
    if not isinstance(error, DocumentError):
        return Problem(422, str(error), SCENARIO)
    steps = (str(key).replace("~", "~0").replace("/", "~1") for key in error.keys)
    return Problem(422, str(error), SCENARIO, pointer="".join(f"/{step}" for step in steps))


def of_failure(failure: ClientFailure, **more: Any) -> Problem:
    """Return the problem for a failed check of the client, with the text that pytest shows."""
    return Problem(409, str(failure), CLIENT, **more)
