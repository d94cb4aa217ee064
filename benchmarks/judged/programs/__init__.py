"""Clients in Go and in Java: their drivers are compiled with what Debian has, into a folder that git does not keep.

``apt-get install golang-go golang-github-donovanhide-eventsource-dev openjdk-17-jdk-headless libgoogle-gson-java
libokhttp-java``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_BUILT = _HERE / ".built"
_GO_PACKAGES = Path("/usr/share/gocode")
_JARS = ":".join(f"/usr/share/java/{name}.jar" for name in ("gson", "okhttp", "okio"))


def build(language: str) -> str | None:
    """Compile the driver of a language, if it is older than its source; return why that is not possible, if so."""
    source, made, compiler, words = _COMPILED[language]
    if made.exists() and made.stat().st_mtime > source.stat().st_mtime:
        return None
    if shutil.which(compiler) is None:
        return f"there is no {compiler} here: {__doc__}"
    _BUILT.mkdir(exist_ok=True)
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(_GO_PACKAGES), "GOFLAGS": ""}
    done = subprocess.run([compiler, *words], env=environment, capture_output=True, text=True, check=False)
    return f"{compiler} fails: {done.stderr}: {__doc__}" if done.returncode else None


def driver(language: str, client: str) -> list[str]:
    """The command of a compiled driver."""
    if language == "Go":
        return [str(_BUILT / "driver"), client]
    return ["java", "-cp", f"{_JARS}:{_BUILT}", "Driver", client]


_GO, _JAVA = _HERE / "driver.go", _HERE / "Driver.java"
_COMPILED = {
    "Go": (_GO, _BUILT / "driver", "go", ["build", "-o", str(_BUILT / "driver"), str(_GO)]),
    "Java": (_JAVA, _BUILT / "Driver.class", "javac", ["-cp", _JARS, "-d", str(_BUILT), str(_JAVA)]),
}
