"""What a test records into its cassette: the recorder, and what becomes of the recording when the test has ended."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orharness.pytest_cassettes import RECORDED, UPSTREAM, Settings, fail, or_fail

if TYPE_CHECKING:
    from orharness.recording.process import RecordingServer
    from orharness.server.facade import SseServer

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_RECORDERS = pytest.StashKey[dict[Path, dict[tuple[str, str], str]]]()  # of the run


def recorder_of(settings: Settings, fresh: Path) -> RecordingServer:
    """Return a recorder that writes ``fresh``. Fails the test where there is none."""
    from orharness.recording.process import RecordingServer

    if not settings.upstream:
        fail(
            f"recording needs an upstream: --sse-upstream=URL (e.g. {UPSTREAM}), sse_upstream in the ini file, or the"
            " fixture sse_upstream"
        )
    keys = {name: one for name, one in settings.key_env.items() if name in settings.upstream}
    filters = settings.filters or None
    return or_fail(lambda: RecordingServer(settings.upstream, fresh, keys, filters=filters, **settings.kept))


def refuse_to_rewrite(item: pytest.Item, settings: Settings) -> None:
    """Fail a test that would rewrite what another test of this run has recorded."""
    others = [one for one in _recorders(item, settings).values() if one != item.nodeid]
    if settings.mode == "rewrite" and others:
        fail(f"{_replaces(settings, others[0])}, or delete it and record both with --sse-record-mode=new_episodes")


def _recorders(item: pytest.Item, settings: Settings) -> dict[tuple[str, str], str]:
    """Of each method and address in a cassette that was recorded in this run, the test that did so."""
    return item.config.stash.setdefault(_RECORDERS, {}).setdefault(settings.path.absolute(), {})


def _replaces(settings: Settings, other: str) -> str:
    return (
        f"--sse-record-mode={settings.mode} would replace what {other} has recorded in {settings.path} in this run:"
        " give each test a cassette of its own"
    )


def _replaced(item: pytest.Item, settings: Settings, fresh: Path) -> str | None:
    """Return a sentence if this would replace what another test has recorded; note what is recorded."""
    from orharness.cassette import load

    known, new = _recorders(item, settings), {(one.request.method, one.request.uri) for one in load(fresh)}
    others = [known[one] for one in new if known.get(one, item.nodeid) != item.nodeid]
    if settings.mode == "all" and others:
        return _replaces(settings, others[0])
    known.update(dict.fromkeys(new, item.nodeid))
    return None


def fresh_file(settings: Settings) -> Path:
    """Return the file in which a test records, beside its cassette."""
    return settings.path.with_name(f"{settings.path.stem}.new.yaml")


def keep(item: pytest.Item, settings: Settings, fresh: Path, *, passed: bool, unplayed: int = 0) -> None:
    """Take over the recording of a test that passed; any other is kept beside the cassette, for inspection.

    The cassette is replaced in one step, when what takes its place is whole. ``unplayed``: how many interactions of the
    cassette the test did not ask for. Fails a test that passed although an upstream gave it no response: what is
    replayed would be that the upstream was down; and one that would replace what another test has recorded in this run.
    """
    path, lines = settings.path, item.stash.setdefault(RECORDED, [])
    failed, why = path.with_name(f"{path.stem}.failed.yaml"), _unanswered(fresh)
    if why is None and passed and fresh.exists():
        why = _replaced(item, settings, fresh)
    if not fresh.exists():
        if not settings.records_what_is_new:
            lines.append(f"nothing was recorded for {path}: the test got no answer")
    elif why or not passed:
        fresh.replace(failed)
        lines.append(f"{why or 'the test did not pass'}: its recording is kept as {failed}")
    else:
        lines.append(f"recorded {_taken_over(settings, fresh)}")
    if why and passed:
        fail(f"{path} was not recorded: {why}")
    if unplayed and passed:
        lines.append(
            f"{path}: {unplayed} recorded before and not asked for now; --sse-record-mode=rewrite leaves them out"
        )


def _unanswered(fresh: Path) -> str | None:
    """Return a sentence about requests whose upstream gave no response, or ``None``. A client may leave before it."""
    if not fresh.exists():
        return None
    from orharness.cassette import load
    from orharness.cassette.interaction import CLIENT_DISCONNECTED
    from orharness.verdict import count

    recorded = or_fail(lambda: load(fresh))
    without = [one for one in recorded if one.status is None and one.ending_recorded != CLIENT_DISCONNECTED]
    if not without:
        return None
    return f"{len(without)} of {count(len(recorded), 'request')} got no response ({without[0].note})"


def _taken_over(settings: Settings, fresh: Path) -> str:
    path = settings.path
    if settings.mode not in ("all", "new_episodes") or not path.exists():
        fresh.replace(path)
        return str(path)
    from orharness.cassette import Tape, load

    merged = path.with_name(f"{path.stem}.merged.yaml")
    shutil.copyfile(path, merged)
    tape, new = Tape(merged, settings.mode), load(fresh)
    tape.add_all([tape.entry(one, order) for order, one in enumerate(new)])
    merged.replace(path)
    fresh.unlink()
    return f"{len(new)} in {path}"


def ask_what_is_new(server: SseServer, origin: str) -> None:
    """Let ``server`` pass what it has no recorded answer to on to the recorder at ``origin``, with its whole path."""
    from orharness.journal import Request
    from orharness.scenario.body import Forward
    from orharness.scenario.paths import api_path
    from orharness.scenario.reply import Reply
    from orharness.scenario.route import Route

    def to_recorder(request: Request, turn: int) -> tuple[Reply, str | None]:
        return Reply(Forward(origin + request.path.removesuffix(api_path(request.path)))), None

    for method in _METHODS:
        server.mount(Route(method, "/{any}", (Reply(Forward(origin)),), choose=to_recorder), strict=False)
