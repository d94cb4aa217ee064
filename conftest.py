"""What the test modules share. Users' tests need nothing like this: the plugin is loaded by its entry point."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpcore  # noqa: F401 - pytester's runs in this process forget what they import: httpx must not lose its core
import pytest
from hypothesis import HealthCheck, settings

from tests.support.order import dealt

pytest_plugins = ["pytester"]
# A busy machine makes examples slow, not wrong.
settings.register_profile("orharness", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", parent=settings.get_profile("orharness"), max_examples=20)
settings.load_profile("orharness")


def _keep_bytecode(folder: Path) -> None:
    """Where none is to be written beside the sources, keep it in ``folder``: the tests start hundreds of processes.

    Each of them would compile the whole package, which is two thirds of what an ``orharness`` command costs.
    """
    if not sys.dont_write_bytecode or sys.pycache_prefix is not None:
        return
    if "PYTEST_XDIST_WORKER" not in os.environ:  # the bytecode of what earlier tests wrote
        temporary = Path(tempfile.gettempdir()).resolve()
        shutil.rmtree(folder / temporary.relative_to(temporary.anchor), ignore_errors=True)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


_keep_bytecode(Path(__file__).parent / ".pytest_cache" / "bytecode")
_BESIDE_THE_REPOSITORY = Path(__file__).parents[1] / "shared" / "recordings"


def pytest_configure(config: pytest.Config) -> None:
    """The fast lane makes fewer examples of each property.

    No loop is current from the start: pytest-asyncio before 1.4 asks for the current loop at the first async test, and
    asyncio makes one for it, which nobody closes. The garbage collector then tells of its socket pair in whichever test
    it runs.
    """
    asyncio.set_event_loop(None)
    if "not slow" in config.option.markexpr and not config.getoption("--hypothesis-profile", None):
        settings.load_profile("quick")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the foreign recordings; a test that needs it is skipped where it is missing, and fails in CI.

    ``ORHARNESS_RECORDINGS=none`` skips it in CI, too: for machines that cannot have recordings, which are not public.
    """
    named = os.environ.get("ORHARNESS_RECORDINGS")
    if named == "none":
        pytest.skip("the recordings are not public, and ORHARNESS_RECORDINGS=none says that they are not here")
    folder = Path(named or _BESIDE_THE_REPOSITORY)
    if folder.is_dir():
        return folder
    missing = f"there are no recordings at {folder} (ORHARNESS_RECORDINGS says where they are)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Nothing here speaks TLS, and an SDK loads a hundred authorities for each client that is made: thousands, here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes, each begins with some of the long tests: else the last of them would run alone."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes > 1:
        long = [item for item in items if item.get_closest_marker("long")]
        others = [item for item in items if not item.get_closest_marker("long")]
        items[:] = dealt(long, others, processes)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from the thousands of collected items, which stay to the end.

    Hypothesis has it run often, and each full run looked at all of them: one property took 79 s instead of 1 s.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # what SDKs import later stays as well


# A skipped test is a hole: in CI only these may be, each for its reason.
ALLOWED_SKIPS = {
    r"real clients are judged where": "they want other versions of some packages: CI judges them in a run of its own",
    r"the AI SDK's providers read our answers where": "they are 128 MB of packages: CI has a step for them",
    r"MCP's own SDKs are judged where": "they want packages of their own, for Python and Node: CI has a step for them",
    r"no second network namespace can be made here": "it takes root and iproute2; CI runs these tests as root once",
    r"ORHARNESS_RECORDINGS=none": "they are not public: GitHub's machines do not have them, the project's own CI has",
    r"reported inputs are not beside the recordings": "they are not public, and some have the recordings alone",
    r"came with vcrpy \d": "the run with the oldest vcrpy passes over what only newer ones have",
}
if os.environ.get("ORHARNESS_FAST"):  # `.ci/run` runs these by themselves, in environments that have what they need
    ALLOWED_SKIPS |= {
        r"there is no Chromium here": "a browser is 300 MB",
        r"there are no packages for Node here": "vitest and the AI SDK are 100 MB",
        r"there is no go here": "a compiler is 200 MB",
        r"there is no libfaketime here": "it is GPL, and called where it is installed; .ci/run installs it",
        r"there is no litellm here": "a real relay wants an older openai",
        r"there is no llama\.cpp here|there are no weights here": "the real model is 300 MB",
    }


def _unexplained(skipped: list[pytest.TestReport]) -> Iterator[str]:
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(re.search(pattern, reason) for pattern in ALLOWED_SKIPS):
            yield f"{report.nodeid}: {reason}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, a skip that is not in the list fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    for line in _unexplained(reporter.stats.get("skipped", [])):
        reporter.write_line(f"skipped, and not in ALLOWED_SKIPS: {line}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
