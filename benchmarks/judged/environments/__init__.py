"""The environments of Python clients whose packages do not go together: a folder for each list of pins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.client_process import ROOT

_HERE = Path(__file__).parent


def python_of(environment: str) -> Path:
    """The interpreter of an environment, which is made at first, with this package in it.

    Raises ``CalledProcessError`` where its packages cannot be installed.
    """
    folder = _HERE / f".{environment}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"the environment {environment} is made (once)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pins = _HERE / f"{environment}.txt"
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-e", str(ROOT), "-r", str(pins)], check=True)
        complete.touch()
    return python
