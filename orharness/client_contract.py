"""``ClientContract``: the contract as a user's own test class, one test item for each case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

if TYPE_CHECKING:
    from orharness.server.thread import ServerThread


class ClientContract:
    """Subclass it and implement ``stream``: each case of the contract is then a test of its own.

    ``profile``: ``gateway`` or ``whatwg``. ``dialect``: the client's API, by default chat completions. ``only``: ids,
    families, or parts of ids, by default every case. ``cases``: files with cases of your own beside them, in YAML, JSON
    or Python, from the current directory. ``xfail``: reasons why cases are expected to fail, by id; one that then
    passes is a failure. ``seed``: for the random chunks. ``patience``: seconds that the client has for what it should
    do at once. ``strict``: a SHOULD that does not hold is a failure; otherwise it is an xfail. A case that cannot be
    judged is a skip, with its reason; if the client fails a plain answer, every item fails with that. Works with
    ``-k``, ``-x`` and pytest-xdist.
    """

    profile: ClassVar[str] = "gateway"
    dialect: ClassVar[str | None] = None
    only: ClassVar[str | Iterable[str] | None] = None
    cases: ClassVar[Iterable[str | Path]] = ()
    xfail: ClassVar[Mapping[str, str]] = {}
    seed: ClassVar[int] = 0
    patience: ClassVar[float] = 1.0
    strict: ClassVar[bool] = False

    def stream(self, base_url: str) -> Any:
        """Yield the text as it comes (also as an async generator); closing it is the cancel."""
        raise NotImplementedError(f"{type(self).__name__}: write `def stream(self, base_url)`: it yields the text")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make the cases the parameters of ``test_case``; pytest calls this hook for this class alone."""
        if "sse_case" not in metafunc.fixturenames:
            return
        metafunc.parametrize("sse_case", [self._parameter(case) for case in self._cases()])

    def test_case(self, sse_case: str, sse_thread: ServerThread) -> None:
        """One case of the contract."""
        __tracebackhide__ = True
        from orharness.contract import failure_of, run
        from orharness.contract.catalogue.files import with_own
        from orharness.verdict import Result, counted

        cases, seed, patience = with_own(self.cases, self.dialect), self.seed, self.patience
        found = run(self.stream, cases, only=[sse_case], thread=sse_thread, seed=seed, patience=patience)
        verdicts = counted(found, strict=self.strict)
        failure = failure_of(verdicts, cases, [str(one) for one in self.cases])
        if failure is not None:  # also if this case is not judged because a plain answer fails: -k could hide that
            raise failure
        verdict = verdicts[-1]
        if verdict.result is Result.NOT_APPLICABLE:
            pytest.skip(verdict.note)
        if verdict.result is Result.FAIL and verdict.evidence is not None:
            pytest.xfail(f"only a SHOULD, and it does not hold: {verdict.evidence.reason}")

    def _cases(self) -> list[str]:
        from orharness.contract import Profile
        from orharness.contract.catalogue.files import with_own
        from orharness.contract.running.run import chosen as chosen_of
        from orharness.errors import OrharnessError
        from orharness.verdict import did_you_mean

        try:
            every = with_own(self.cases, self.dialect)
            profile = Profile.of(self.profile)
            chosen = [case.id for case in chosen_of(only=self.only, profile=profile, cases=every)]
        except OrharnessError as error:
            raise pytest.Collector.CollectError(f"{type(self).__name__}: {error}") from None
        if wrong := self._wrong_attribute():
            raise pytest.Collector.CollectError(f"{type(self).__name__}.{wrong}")
        if not isinstance(self.xfail, Mapping):
            raise pytest.Collector.CollectError(f"{type(self).__name__}.xfail is a dict: of each case's id, the reason")
        known = [case.id for case in every]
        if unknown := [key for key in self.xfail if key not in known]:
            named, hint = " or ".join(map(repr, unknown)), did_you_mean(unknown, known)
            raise pytest.Collector.CollectError(f"{type(self).__name__}.xfail: there is no case {named}{hint}")
        return chosen

    def _wrong_attribute(self) -> str | None:
        seed, patience = self.seed, self.patience
        if not isinstance(seed, int) or isinstance(seed, bool):
            return f"seed is a whole number, not {seed!r}"
        if not isinstance(patience, int | float) or isinstance(patience, bool) or not 0 < patience < float("inf"):
            return f"patience is a number of seconds above 0, not {patience!r}"
        return None

    def _parameter(self, case: str) -> Any:
        from orharness.errors import ClientFailure

        reason = self.xfail.get(case)
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=ClientFailure)]
        return pytest.param(case, id=case, marks=marks)
