"""Programs in Go and in Java: they are compiled with what Debian has, into a folder that git does not keep.

``apt-get install golang-go golang-github-donovanhide-eventsource-dev openjdk-17-jdk-headless libgoogle-gson-java
libokhttp-java``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

_HERE = Path(__file__).parent
_BUILT = _HERE / ".built"
_GO_PACKAGES = Path("/usr/share/gocode")
_JARS = ":".join(f"/usr/share/java/{name}.jar" for name in ("gson", "okhttp", "okio"))


def build(language: str) -> str | None:
    """Compile a program, if it is older than its source; return why that is not possible, if so."""
    source, made, compiler, words = _COMPILED[language]
    if made.exists() and made.stat().st_mtime > source.stat().st_mtime:
        return None
    if shutil.which(compiler) is None:
        return f"there is no {compiler} here: {__doc__}"
    _BUILT.mkdir(exist_ok=True)
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(_GO_PACKAGES), "GOFLAGS": ""}
    # Beside, and then put in its place in one step: two processes may want it at the same time.
    with TemporaryDirectory(dir=_BUILT) as beside:
        command = [compiler, *(word.replace(str(_BUILT), beside) for word in words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for built in Path(beside).iterdir():
            built.replace(_BUILT / built.name)
    return f"{compiler} fails: {done.stderr}: {__doc__}" if done.returncode else None


def driver(language: str, client: str) -> list[str]:
    """The command of a compiled driver."""
    if language == "Go":
        return [str(_BUILT / "driver"), client]
    return ["java", "-cp", f"{_JARS}:{_BUILT}", "Driver", client]


GO_WAYS = _BUILT / "ways"
_GO, _JAVA = _HERE / "driver.go", _HERE / "Driver.java"
_WAYS = _HERE.parents[1] / "ways" / "ways.go"
_COMPILED = {
    "Go": (_GO, _BUILT / "driver", "go", ["build", "-o", str(_BUILT / "driver"), str(_GO)]),
    "Go ways": (_WAYS, GO_WAYS, "go", ["build", "-o", str(GO_WAYS), str(_WAYS)]),
    "Java": (_JAVA, _BUILT / "Driver.class", "javac", ["-cp", _JARS, "-d", str(_BUILT), str(_JAVA)]),
}
