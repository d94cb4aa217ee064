"""How a command ends that cannot do what it was asked, or that has found a mistake in a client."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from orharness.cli.codes import FAILED, WRONG_CALL
from orharness.cli.stderr import background_stderr
from orharness.errors import ClientFailure, OrharnessError
from orharness.report.encoding import never_fail

_OF_A_NAME = (errno.ENAMETOOLONG, errno.EACCES, errno.ELOOP)
"""Why a file that the caller names cannot even be looked for: to see whether it is a folder, for one."""
_LONGEST = 80  # characters of a name that are shown


@contextmanager
def mistakes_reported() -> Iterator[None]:
    """Inside, a mistake of the caller ends the process with one sentence on stderr, a finding about a client with its
    own text.
    """
    never_fail(sys.stdout)
    try:
        yield
    except OrharnessError as error:
        end(f"orharness: {error}", WRONG_CALL)
    except ClientFailure as failure:
        end(str(failure), FAILED)
    except OSError as error:
        if error.filename is None or error.errno not in _OF_A_NAME:
            raise
        name = str(error.filename)
        shown = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
        end(f"orharness: {shown}: the file cannot be reached: {error.strerror}", WRONG_CALL)


def end(text: str, code: int) -> NoReturn:
    """End the process with a text on stderr and this exit code."""
    with background_stderr():
        sys.stderr.write(f"{text}\n")
    raise SystemExit(code)
