"""What came of a study: its runs, and the numbers over seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apalu_ref.studies.arms import arm
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, StudyError, Task
from apalu_ref.studies.statistics import Interval, Summary, paired, summary

SCHEMA = "apalu-ref study 1"


@dataclass(frozen=True, repr=False)
class Results:
    """The results of a study.

    Attributes
    ----------
    study : Study
    scale : str
    plan : Scale
        What was run: the study's scale, with the arms and seeds that were asked for.
    data : list of dict
        The facts of every data set: source, shapes, whether verified.
    versions : dict of str
    choices : list of dict
        The runs that learning rates were chosen by: arm, case, rate, seed, score.
    rates : list of dict
        The choices: arm, case, rate, and whether it lies at an ``edge`` of the grid.
    runs : list of dict
        The final runs: arm, case, rate, seed, and the outcome.
    seconds : float
        Of one core, the sum over all runs.
    """

    study: Study
    scale: str
    plan: Scale
    data: list[dict[str, Any]]
    versions: dict[str, str]
    choices: list[dict[str, Any]]
    rates: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    seconds: float

    def __repr__(self) -> str:
        return (
            f"<{self.study.name}, {self.scale} scale: {len(self.arms)} activations, "
            f"{self.plan.seeds} seeds, {len(self.runs)} runs>"
        )

    def __str__(self) -> str:
        from apalu_ref.studies import tables

        return tables.text(self)

    @property
    def arms(self) -> tuple[str, ...]:
        """The activations that were run."""
        return self.plan.arms

    @property
    def cases(self) -> tuple[Mapping[str, Any], ...]:
        """The conditions."""
        return self.plan.cases

    def measure(self, name: str = "score") -> Measure:
        """One of the study's measures."""
        return next(m for m in self.study.measures if m.name == name)

    def outcomes(self, arm: str, case: Mapping[str, Any] | None = None) -> list[Outcome]:
        """The outcomes of an arm under a condition (the only one by default), in order of seeds."""
        case = dict(self.cases[0] if case is None else case)
        found = [r for r in self.runs if r["arm"] == arm and r["case"] == case]
        return [r["outcome"] for r in sorted(found, key=lambda r: r["seed"])]

    def values(
        self, arm: str, measure: str = "score", case: Mapping[str, Any] | None = None
    ) -> list[float | None]:
        """A measure of all runs of an arm; None where a run does not have it."""
        return [o.get(measure) for o in self.outcomes(arm, case)]

    def summary(
        self, arm: str, measure: str = "score", case: Mapping[str, Any] | None = None
    ) -> Summary:
        """Its mean and standard deviation."""
        return summary(self.values(arm, measure, case))

    def difference(
        self,
        arm: str,
        measure: str = "score",
        case: Mapping[str, Any] | None = None,
        to: str | None = None,
        level: float = 0.95,
    ) -> Interval:
        """The paired difference to the baseline, or to the arm ``to``."""
        other = self.study.baseline if to is None else to
        a, b = self.values(arm, measure, case), self.values(other, measure, case)
        return (
            paired(a, b, level) if len(a) == len(b) else Interval(math.nan, math.nan, math.nan, 0)
        )

    def rate(self, arm: str, case: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The learning rate an arm chose, and whether it lies at an edge of the grid."""
        case = dict(self.cases[0] if case is None else case)
        for row in self.rates:
            if row["arm"] == arm and row["case"] == case:
                return row
        return {"rate": None, "edge": False}

    def diverged(self, arm: str, case: Mapping[str, Any] | None = None) -> int:
        """How many runs diverged."""
        return sum(o["diverged"] is not None for o in self.outcomes(arm, case))

    def rows(self) -> Iterator[dict[str, Any]]:
        """For each condition and arm: means, deviations, differences, rate, parameters."""
        for case in self.cases:
            for name in self.arms:
                runs = self.outcomes(name, case)
                if not runs:
                    continue
                row: dict[str, Any] = {"case": dict(case), "arm": name, "runs": len(runs)}
                row |= {k: self.rate(name, case)[k] for k in ("rate", "edge")}
                row["parameters"] = max(o["parameters"] for o in runs)
                row["diverged"] = self.diverged(name, case)
                for m in self.study.measures:
                    s = self.summary(name, m.name, case)
                    d = self.difference(name, m.name, case)
                    row[m.name] = {
                        "mean": _finite(s.mean), "std": _finite(s.std), "n": s.n,
                        "difference": None if name == self.study.baseline else
                        [_finite(d.mean), _finite(d.low), _finite(d.high)],
                    }  # fmt: skip
                yield row

    def conclusion(self) -> Conclusion:
        """What the study says on its claim; at smoke scale it is open, whatever the numbers."""
        found = self.study.conclude(self)
        if self.scale == "smoke":
            return Conclusion("open", f"the smoke scale answers nothing; {found.evidence}")
        return found

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``json.dumps``."""
        conclusion = self.conclusion()
        return {
            "schema": SCHEMA,
            "study": self.study.name,
            "question": self.study.question,
            "protocol": list(self.study.protocol),
            "answer": self.study.answer,
            "scale": self.scale,
            "configuration": {
                "arms": list(self.plan.arms),
                "seeds": self.plan.seeds,
                "rates": list(self.plan.rates),
                "cases": [dict(c) for c in self.plan.cases],
                "settings": dict(self.plan.settings),
                "note": self.plan.note,
            },
            "data": self.data,
            "versions": self.versions,
            "verdict": conclusion.verdict,
            "evidence": conclusion.evidence,
            "seconds": round(self.seconds, 1),
            "summary": list(self.rows()),
            "rates": self.rates,
            "choices": self.choices,
            "runs": self.runs,
        }


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def read(path: str | Path) -> Results:
    """The results that a ``results.json`` holds.

    Raises
    ------
    StudyError
        If there is no such file, or it is damaged.
    """
    from apalu_ref.studies.catalogue import find

    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise ValueError(f"its schema is {found['schema']!r}, not {SCHEMA!r}")
        c = found["configuration"]
        plan = Scale(
            tuple(c["arms"]), c["seeds"], tuple(c["rates"]), tuple(c["cases"]), c["settings"],
            c["note"],
        )  # fmt: skip
        return Results(
            find(found["study"]), found["scale"], plan, found["data"], found["versions"],
            found["choices"], found["rates"], found["runs"], found["seconds"],
        )  # fmt: skip
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{path} is damaged or no result of a study ({type(error).__name__}: {error}): "
            "run the study again"
        ) from error


def gather(
    study: Study,
    scale: str,
    plan: Scale,
    data: list[dict[str, Any]],
    versions: dict[str, str],
    done: Sequence[tuple[Task, Outcome]],
    rates: list[dict[str, Any]],
) -> Results:
    """Results of the runs that were made, in an order that does not depend on when they ended."""
    order = {name: i for i, name in enumerate(plan.arms)}
    cases = [dict(c) for c in plan.cases]

    def place(one: tuple[Task, Outcome]) -> tuple[Any, ...]:
        task = one[0]
        return cases.index(dict(task.case)), order[task.arm], task.rate or 0.0, task.seed

    choices, runs, seconds = [], [], 0.0
    for task, outcome in sorted(done, key=place):
        row = {"arm": task.arm, "case": dict(task.case), "rate": task.rate, "seed": task.seed}
        seconds += outcome["seconds"]
        if task.final:
            runs.append(row | {"outcome": outcome})
        else:
            choices.append(
                row | {"score": outcome["score"], "diverged": outcome["diverged"] is not None}
            )
    rates = sorted(rates, key=lambda row: (cases.index(row["case"]), order[row["arm"]]))
    return Results(study, scale, plan, data, versions, choices, rates, runs, seconds)


def label(name: str) -> str:
    """What an arm is, in words."""
    return arm(name).text
