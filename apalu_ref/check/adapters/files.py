"""Subjects outside of Python: a program that answers request files, or a folder of answers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from apalu_ref.check.adapters.base import LAYOUTS, SHORT, Adapter, Array, Options, short_array
from apalu_ref.check.exchange import Answer, ExchangeError, Refusal, read_answers
from apalu_ref.check.features import FEATURES
from apalu_ref.check.folders import ANSWERS, answer_path
from apalu_ref.check.inputs import Call
from apalu_ref.check.program import Program
from apalu_ref.check.subject import SubjectError, Target, WrongReturnError

# The name of a request for values alone: of what is answered, nothing else is used.
_VALUES = "values"


class RefusedError(ValueError):
    """The program said that it does not take these inputs."""


class Files(Adapter):
    """What both have in common: one request is one exchange of files, and no state is kept."""

    features = frozenset(FEATURES) - {
        *SHORT, *LAYOUTS, "integers", "threads", "state", "second order", "second backward",
        "editable output",
    }  # fmt: skip
    exhaustive = SHORT
    # Whether it gives y alone; None until it has given anything.
    _alone: bool | None = None

    def own_names(self) -> tuple[str, ...]:
        """There is no signature to read them from."""
        raise SubjectError(
            f"{self.target.name}: what its parameters are called cannot be seen from outside; "
            "check it --against FILE:ATTR, or with its source's own adapter",
            2,
        )

    @property
    def capabilities(self) -> dict[str, Any]:
        """Declared on the command line, if at all."""
        return {}

    def answer(self, probe: str, calls: list[Call]) -> list[dict[str, Array]]:
        """The results of each call, by name."""
        results = []
        for call, answer in zip(calls, self.exchange(probe, calls), strict=True):
            if isinstance(answer, Refusal):
                raise RefusedError(answer.reason)
            if "y" not in answer:
                raise WrongReturnError(f"the answer holds {', '.join(answer)}, expected y")
            results.append({name: _array(name, answer, call.storage) for name in answer})
        alone = {set(r) == {"y"} for r in results}
        if self._alone is None and probe != _VALUES:
            self._alone = alone == {True}
            self.forward_only = self._alone
        if probe != _VALUES and alone != {self._alone}:
            raise WrongReturnError(
                "the answer holds y alone in some places, and gradients in others: give them "
                "everywhere or nowhere"
            )
        return results

    def exchange(self, probe: str, calls: list[Call]) -> list[Answer | Refusal]:
        """Get the answers."""
        raise NotImplementedError

    def forward(self, call: Call) -> tuple[Array, Any]:
        """Values alone, as differences need them."""
        return self.answer(_VALUES, [call])[0]["y"], None


def _array(name: str, answer: Answer, storage: str) -> Array:
    kind = "bfloat16" if name in answer.bfloat16 else str(answer[name].dtype)
    if storage:
        return short_array(name, kind, lambda: answer[name])
    if kind == "bfloat16":
        raise WrongReturnError(f"{name} has dtype bfloat16, which none of the inputs has")
    return np.asarray(answer[name])


class Exec(Files):
    """Runs ``program request answer`` for every probe."""

    name = "exec"

    def __init__(self, target: Target, options: Options) -> None:
        path = Path(target.name)
        words = [str(path.resolve())] if path.is_file() else shlex.split(target.name)
        if not words:
            raise SubjectError("the exec adapter needs a program's name", 2)
        # It is ended before the process that keeps it is, so that it does not outlive both.
        self._program = Program(words, timeout=0.9 * target.value)
        super().__init__(target, options)

    def exchange(self, probe: str, calls: list[Call]) -> list[Answer | Refusal]:
        """Run it."""
        return self._program.answer(probe, calls)


class Answers(Files):
    """Reads what was computed elsewhere, from requests that ``vectors export`` wrote."""

    name = "answers"
    measurable = False

    def __init__(self, target: Target, options: Options) -> None:
        if not Path(target.name).is_dir():
            raise SubjectError(f"no such folder: {target.name}", 2)
        if not Path(target.name, ANSWERS).is_dir():
            raise SubjectError(
                f"{target.name} is a folder without answers: apalu-ref vectors export "
                f"{target.name} --requests makes one with the questions",
                2,
            )
        super().__init__(target, options)

    def exchange(self, probe: str, calls: list[Call]) -> list[Answer | Refusal]:
        """Read one."""
        path = answer_path(self.target.name, probe)
        if not path.is_file():
            raise ExchangeError(f"there is no answer: expected {path}")
        return read_answers(path, calls)
