"""An app under test as a process: its environment, its output, and that nothing of it is left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from orharness import RelayClient, SseProcess
from orharness.errors import OrharnessError, ScenarioError
from orharness.server.facade import SseServer
from tests.support.raw import eventually

# An app of the standard library: it answers every GET with a variable of its environment.
APP = """
import http.server, os, sys
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get(self.path[1:], "").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
print("the app begins")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
"""
RUN = [sys.executable, "-c", APP, "{port}"]


def asked(url: str, variable: str) -> str:
    with RelayClient(f"{url}/{variable}", method="GET") as browser:
        browser.read_all()
        return browser.text


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_app_listens_knows_its_upstream_and_ends(sse_server: SseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("MINE", "theirs")
    with SseProcess(RUN, server=sse_server, env={"MINE": "at {base_url}"}) as app:
        assert asked(app.url, "OPENAI_BASE_URL") == sse_server.base_url
        assert asked(app.url, "OPENAI_API_KEY") == sse_server.openai["api_key"]
        assert asked(app.url, "PORT") == str(app.port)
        assert asked(app.url, "NO_PROXY") == "example.org,127.0.0.1,localhost,::1"
        assert asked(app.url, "MINE") == f"at {sse_server.base_url}"
        assert repr(app.running) == "True"  # mypy takes a property for a constant
        assert app.output == "the app begins\n"
    assert repr(app.running) == "False"
    assert app.output == "the app begins\n"
    with pytest.raises(ScenarioError, match="cannot be reached"):
        asked(app.url, "PORT")
    app.close()


def test_a_base_url_of_any_upstream(tmp_path: Path) -> None:
    with SseProcess(RUN, base_url="http://127.0.0.1:9/v1", api_key="k", cwd=tmp_path) as app:
        assert asked(app.url, "OPENAI_BASE_URL") == "http://127.0.0.1:9/v1"
        assert asked(app.url, "OPENAI_API_KEY") == "k"


FAMILY = """
import subprocess, sys, signal
{ignore}
code = "import signal, time; {ignore}; print('child', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code])
print("pid", child.pid, flush=True)
{app}
"""


@pytest.mark.parametrize("ignore", ["pass", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_what_it_started_is_gone_too_also_what_ignores_sigterm(sse_server: SseServer, ignore: str) -> None:
    code = FAMILY.replace("{ignore}", ignore).replace("{app}", APP)
    with SseProcess([sys.executable, "-c", code, "{port}"], server=sse_server, stop_timeout=0.5) as app:
        eventually(lambda: "child\n" in app.output)
        pid = int(app.output.partition("pid ")[2].split()[0])
        assert alive(pid)
    eventually(lambda: not alive(pid))


def test_an_app_that_ends_before_it_listens_shows_its_output(sse_server: SseServer) -> None:
    code = "import sys; print('about to fail'); sys.exit('no such module: app')"
    with pytest.raises(OrharnessError) as caught, SseProcess([sys.executable, "-c", code], server=sse_server):
        pass
    said = str(caught.value)
    assert "ended with code 1 before it listened\nabout to fail\nno such module: app" in said
    silent = SseProcess([sys.executable, "-c", ""], server=sse_server)
    with pytest.raises(OrharnessError, match="ended with code 0 before it listened; it wrote nothing"):
        silent.start()


def test_an_app_that_listens_elsewhere_is_told_the_port(sse_server: SseServer) -> None:
    app = SseProcess([sys.executable, "-c", "input(); import time; time.sleep(600)"], server=sse_server, timeout=0.3)
    with pytest.raises(OrharnessError, match="ended with code 1"):  # it has no input to wait for
        app.start()
    app = SseProcess([sys.executable, "-c", "import time; time.sleep(600)"], server=sse_server, timeout=0.3)
    with pytest.raises(OrharnessError, match=rf"does not listen on 127\.0\.0\.1:{app.port} after 0\.3 s"):
        app.start()
    assert not app.running


def test_a_taken_port_is_told_before_anything_runs(sse_server: SseServer) -> None:
    with pytest.raises(ScenarioError, match=f"port {sse_server.port} is taken"):
        SseProcess(RUN, server=sse_server, port=sse_server.port).start()


def test_a_wrong_call_is_one_sentence(sse_server: SseServer) -> None:
    with pytest.raises(ScenarioError, match="is a list"):
        SseProcess("uvicorn app:app", server=sse_server)
    for options in ({}, {"server": sse_server, "base_url": "http://127.0.0.1:9"}):
        with pytest.raises(ScenarioError, match="one upstream"):
            SseProcess(RUN, **options)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="no-such-program: cannot be run: No such file"):
        SseProcess(["no-such-program"], server=sse_server).start()


def test_ports_are_free_and_differ(sse_server: SseServer) -> None:
    ports = {SseProcess(RUN, server=sse_server).port for _ in range(20)}
    assert len(ports) > 10
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", ports.pop()))


# -- the fixtures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(app_of_the_user=APP)
    return pytester


@pytest.mark.slow
def test_the_fixture_starts_an_app_behind_the_test_s_own_server(user: pytest.Pytester) -> None:
    user.makepyfile(
        """
        import os, sys

        def test_it(sse_server, sse_process, sse_relay_client):
            app = sse_process([sys.executable, "app_of_the_user.py", "{port}"], env={"MINE": "1"})
            for name, value in [("OPENAI_BASE_URL", sse_server.base_url), ("MINE", "1")]:
                with sse_relay_client(f"{app.url}/{name}", method="GET") as browser:
                    browser.read_until(value)
            print("pid", app._process.pid)

        def test_that_fails(sse_process):
            sse_process([sys.executable, "app_of_the_user.py", "{port}"])
            assert False, "the reason"
        """
    )
    result = user.runpytest_inprocess("-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*what *app_of_the_user.py * printed*", "the app begins"])
    (line,) = [line for line in result.outlines if line.startswith("pid ")]
    assert not alive(int(line.split()[1]))


def test_one_app_for_the_session_and_what_it_printed_in_the_test_that_failed(user: pytest.Pytester) -> None:
    user.makepyfile(
        """
        import sys
        import pytest

        SAYS = "import sys; exec(sys.argv[2])"

        @pytest.fixture(scope="session")
        def app(make_sse_server, make_sse_process):
            return make_sse_process([sys.executable, "app_of_the_user.py", "{port}"], server=make_sse_server())

        def test_one(app):
            assert app.running
            with open(app._folder / "output", "a") as file:
                file.write("in the first test\\n")

        def test_two(app):
            with open(app._folder / "output", "a") as file:
                file.write("in the second test\\n")
            assert False, "the reason"
        """
    )
    result = user.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*what *app_of_the_user.py * printed*", "in the second test"])
    result.stdout.no_fnmatch_line("in the first test")


INTERRUPTED = """
    import os, signal, sys, time

    def test_it(sse_process):
        app = sse_process([sys.executable, "app_of_the_user.py", "{port}"])
        with open("pid", "w") as file:
            file.write(str(app._process.pid))
        os.rename("pid", "pid-whole")
        time.sleep(600)
"""


@pytest.mark.slow
def test_ctrl_c_leaves_no_app_behind(user: pytest.Pytester) -> None:
    user.makepyfile(test_it=textwrap.dedent(INTERRUPTED))
    # A shell that starts something in the background has SIGINT ignored; Python then leaves it so.
    command = [sys.executable, "-c", "import signal, sys, pytest; signal.signal(signal.SIGINT,"]
    command[-1] += " signal.default_int_handler); sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"
    run = subprocess.Popen(
        command, cwd=user.path, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        there = user.path / "pid-whole"
        eventually(there.exists, 60)
        pid = int(there.read_text("utf-8"))
        assert alive(pid)
        os.kill(run.pid, 2)
        assert run.wait(60) == pytest.ExitCode.INTERRUPTED
        assert not alive(pid)
    finally:
        run.kill()
        run.wait()
