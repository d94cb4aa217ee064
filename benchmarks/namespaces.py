"""A second network namespace, joined to this one by a veth pair, as a container's is. Linux and root only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count

_numbers = count()


class NoNamespace(Exception):  # noqa: N818 - no fault: this machine does not permit it
    """No second network namespace can be made here; the text says why."""


@dataclass(frozen=True)
class Namespace:
    """``here``: this side's addresses, IPv4 and IPv6; ``device``: this side's end of the pair."""

    name: str
    device: str
    here: tuple[str, str]

    def command(self, *words: str) -> list[str]:
        """The command, to be run inside."""
        return ["ip", "netns", "exec", self.name, *words]


@contextmanager
def second_namespace() -> Iterator[Namespace]:
    """Make one, and remove it at the end. Raises ``NoNamespace`` where that is not permitted."""
    if shutil.which("ip") is None:
        raise NoNamespace("there is no `ip` command (package iproute2)")
    number, part = next(_numbers), os.getpid() % 250
    name = f"orh{os.getpid()}-{number}"
    device, inside = f"orh{os.getpid()}.{number}"[:15], f"orp{os.getpid()}.{number}"[:15]
    four, six = f"10.213.{part}.{4 * (number % 60)}", f"fd00:213:{part:x}:{number:x}::"
    ours, theirs = (f"{four.rpartition('.')[0]}.{4 * (number % 60) + one}" for one in (1, 2))
    try:
        _ip("netns", "add", name)
        _ip("link", "add", device, "type", "veth", "peer", "name", inside, "netns", name)
        for where, which, last, address in ((), device, 1, ours), (("-n", name), inside, 2, theirs):
            _ip(*where, "address", "add", f"{address}/30", "dev", which)
            _ip(*where, "address", "add", f"{six}{last}/64", "dev", which, "nodad")
            _ip(*where, "link", "set", which, "up")
        yield Namespace(name, device, (ours, f"{six}1"))
    finally:
        for words in ("link", "delete", device), ("netns", "delete", name):
            with suppress(NoNamespace):
                _ip(*words)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNamespace(f"`ip {' '.join(words)}`: {done.stderr.strip()}")
