"""The process that keeps what a recorder hands over: ``python -m orharness.cli.keeping FD BELL``, which that starts."""

from __future__ import annotations

import socket
import sys

from orharness.cli.plugins import settings_at
from orharness.recording.keeping import keep

if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection, socket.socket(fileno=int(sys.argv[2])) as bell:
        keep(connection, bell, settings_at)
