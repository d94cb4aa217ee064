"""A client in a process of its own, in Python, Node or Go, that is told line by line what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from benchmarks.judged import programs
from benchmarks.ways.catalogue import Client, Runtime

ROOT = Path(__file__).resolve().parents[1]
NODE = ROOT / "benchmarks" / "node"
_MINUTES = 600  # seconds that an installation of the JavaScript clients may take
_A_WHILE = 0.1  # seconds
_A_MINUTE = 60.0
_LOOKS, _BETWEEN = 5, 0.002  # idle is who was seen to be so several times in a row, so many seconds apart
_INSTALLED = "import importlib.metadata as m, sys; [m.version(name) for name in sys.argv[1:]]"


class WalkingProcess:
    """See ``benchmarks/ways/__main__.py`` for what is said. ``versions`` by name, as the process tells them."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions: dict[str, str] = json.loads(self._answer("ready"))

    def walk(self, call: str, base_url: str) -> None:
        """Starts a way to cancel: it asks at once, and reads until it is stopped."""
        self._say(f"walk {call} {base_url}")
        self._answer("walking")

    def stop(self) -> float:
        """Presses the stop button; returns the monotonic moment of that."""
        self._say("stop")
        return float(self._answer("pressed"))

    def wait_idle(self) -> None:
        """Returns when all its threads wait for something, as Linux tells; elsewhere, after a while.

        Raises ``TimeoutError`` for a process that is busy for a minute.
        """
        tasks = Path(f"/proc/{self._process.pid}/task")
        if not tasks.is_dir():
            sleep(_A_WHILE)
            return
        looks, deadline = 0, monotonic() + _A_MINUTE
        while looks < _LOOKS:
            if monotonic() > deadline:
                raise TimeoutError("the client's process is never idle")
            sleep(_BETWEEN)
            looks = looks + 1 if set(_states(tasks)) == {"S"} else 0

    def collect(self, seconds: float) -> None:
        """Has the garbage collected, when the way has been walked to its end or so many seconds have passed."""
        self._say(f"collect {seconds}")
        self._answer("collected")

    def close(self) -> None:
        """Ends the process and waits for it."""
        with self._process:  # closes its stdin, which is its end
            pass

    def __enter__(self) -> WalkingProcess:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _say(self, order: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def _answer(self, word: str) -> str:
        """Return what follows that word; lines that a library prints are skipped."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said, _, rest = line.partition(" ")
            if said.strip() == word:
                return rest.strip()
        raise EOFError(f"the client's process ended before it said {word!r} (its own words are on stderr)")


def _states(tasks: Path) -> Iterator[str]:
    """What each thread does: R runs or could run, S sleeps (proc_pid_stat(5))."""
    for task in tasks.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            yield (task / "stat").read_text().rpartition(")")[2].split()[0]


def command_for(client: Client, pythons: Iterable[str] = (sys.executable,)) -> list[str] | None:
    """How to start a client's process, with the first interpreter that has it; ``None`` where it is not installed."""
    match client.runtime:
        case Runtime.GO:
            return [str(programs.GO_WAYS)] if programs.build("Go ways") is None else None
        case Runtime.NODE:
            node = shutil.which("node")
            return (node and [node, "--expose-gc", str(NODE / "process.mjs"), *client.distributions]) or None
    for python in pythons:
        probe = [python, "-c", _INSTALLED, *client.distributions]
        if subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return [python, "-m", "benchmarks.ways", *client.distributions]
    return None


def missing(client: Client) -> str:
    """Return what has to be installed for a client that ``command_for`` does not find."""
    match client.runtime:
        case Runtime.GO:
            return programs.build("Go ways") or ""
        case Runtime.NODE:
            return "there is no node here"
    return f"pip install {' '.join(client.distributions)}"


def install_node_clients(folder: Path = NODE) -> str | None:
    """Install what the folder's package-lock.json pins, once; return why there are no such clients, if so."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node here, with its npm: the clients that need it are left out"
    if (folder / "node_modules" / ".package-lock.json").is_file():
        return None
    print(f"npm ci in {folder.relative_to(ROOT)} (once)", file=sys.stderr, flush=True)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    # Beside, and then put in its place in one step: two processes may want them at the same time.
    with TemporaryDirectory(dir=folder, prefix=".installing-") as beside:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, beside)
        done = subprocess.run(command, cwd=beside, stdout=subprocess.DEVNULL, timeout=_MINUTES, check=False)
        with suppress(OSError):  # the other one was first
            (Path(beside) / "node_modules").rename(folder / "node_modules")
    return "npm could not install the clients that need node: they are left out" if done.returncode else None
