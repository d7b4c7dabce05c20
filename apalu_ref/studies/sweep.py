"""Running a study: learning rates are chosen, then every arm gets its seeds."""

from __future__ import annotations

import json
import math
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from apalu_ref.datasets import DatasetError
from apalu_ref.studies import pool, report
from apalu_ref.studies.catalogue import find
from apalu_ref.studies.plan import Outcome, Scale, Study, StudyError, Task
from apalu_ref.studies.planning import Say, available, joined, planned
from apalu_ref.studies.results import Results, gather
from apalu_ref.studies.store import Store, versions


class Interrupted(KeyboardInterrupt):
    """A study was interrupted; the message says what is kept."""


def run(
    name: str,
    scale: str = "quick",
    *,
    seeds: int | None = None,
    activations: Sequence[str] | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    source: str = "auto",
    executor: Executor | None = None,
    progress: Say | None = None,
) -> Results:
    """Run a study.

    Parameters
    ----------
    name : str
        One of :data:`~apalu_ref.studies.catalogue.NAMES`.
    scale : {"smoke", "quick", "full"}
        Seconds, minutes, or hours.
    seeds : int, optional
        How many runs each arm gets; default as the scale has it.
    activations : sequence of str, optional
        Other arms than the scale's: names, or ``file.py:function``. The study's baseline is always
        run, and arms and seeds of results that are in the folder stay.
    jobs : int, optional
        How many processes; default one a core.
    out : path, optional
        A folder; each run is kept below ``out/name`` when it is made, and those that are there
        from before are not made again. At the end ``results.json``, ``table.txt``, ``figure.png``
        and ``claim.json`` are written there.
    source : {"auto", "bundled", "full"}
        Of the data.
    executor : Executor, optional
        Where the runs are made instead of in processes of this machine.
    progress : callable, optional
        Told, in a line, of every run.

    Returns
    -------
    Results
        The same, to the last bit but for times, for the same arguments, data, NumPy and kind of
        machine; elsewhere than in processes of this machine, if workers have one thread for
        linear algebra, too.

    Raises
    ------
    StudyError
        If there is no such study or scale, an argument makes no sense, a run fails, or a file
        cannot be written.
    DatasetError
        If data are missing or damaged.
    Interrupted
        After Ctrl-C; runs in progress are lost, the others are kept.

    Notes
    -----
    Processes are spawned: a script that calls this needs the usual
    ``if __name__ == "__main__":`` around the call.
    """
    study = find(name)
    say = progress or (lambda line: None)
    plan = planned(study, scale, seeds, activations)
    plan = available(study, plan, source, say)
    facts = [loaded.facts() for loaded in study.data(plan.settings, source)]
    folder = None if out is None else Path(out) / name
    store = Store(folder, scale, facts, say)
    before = store.before()
    if before is not None and (activations is not None or seeds is not None):
        if store.alike(before):
            plan = joined(plan, before)
        else:
            say("the results that are there are of other data or versions, and are replaced")
    sweep = _Sweep(study, scale, plan, source, store, say)
    if executor is not None:
        sweep.go(executor)
    elif sweep.waiting():
        count = 1 if study.timed else min(jobs or pool.cores(), sweep.waiting())
        with pool.processes(max(1, count)) as own:
            sweep.go(own)
    results = gather(study, scale, plan, facts, versions(), sweep.done, sweep.rates)
    if folder is not None:
        report.write(results, store)
    return results


# minigrad draws from one generator a process: two runs in threads of one would disturb each other.
_ONE = threading.Lock()


def perform(task: Task) -> Outcome:
    """Make one run; this is what is called in another process."""
    with _ONE:
        return _perform(task)


def _perform(task: Task) -> Outcome:
    begin = time.thread_time()  # of this thread: what else the machine does does not count
    # What is not finite ends a run or is seen in its score; it need not be warned of.
    # Filters, unlike errstate, reach the optimiser's threads.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        outcome = find(task.study).train(task)
    outcome["seconds"] = round(time.thread_time() - begin, 3)
    plain: Outcome = json.loads(json.dumps(_finite(outcome)))
    return plain


def _finite(value: Any) -> Any:
    """The same with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _failed(future: Future[Outcome]) -> bool:
    return future.cancelled() or future.exception() is not None


class _Sweep:
    """The runs of a study: which are left, which are made, what they chose."""

    def __init__(
        self, study: Study, scale: str, plan: Scale, source: str, store: Store, say: Say
    ) -> None:
        self.study, self.scale, self.plan = study, scale, plan
        self.source, self.store, self.say = source, store, say
        self.done: list[tuple[Task, Outcome]] = []
        self.rates: list[dict[str, Any]] = []
        self.begin = time.monotonic()
        self.made = 0
        chosen = len(plan.rates) if len(plan.rates) > 1 else 0
        self.total = len(plan.cases) * len(plan.arms) * (chosen + plan.seeds)
        self.left: list[Task] = []
        self.running: dict[Future[Outcome], Task] = {}
        self.groups: dict[str, list[tuple[Task, Outcome]]] = {}
        for case in plan.cases:
            for name in plan.arms:
                self._begin(dict(case), name)
        if self.done:
            say(f"{len(self.done)} of {self.total} runs are there from before")

    def waiting(self) -> int:
        """How many runs are to be made, as far as is known."""
        return len(self.left)

    def go(self, executor: Executor) -> None:
        """Make all runs."""
        try:
            while self.left or self.running:
                # Runs that are timed have the machine to themselves.
                batch = max(0, 1 - len(self.running)) if self.study.timed else len(self.left)
                for task in self.left[:batch]:
                    self.running[executor.submit(perform, task)] = task
                del self.left[:batch]
                ended, _ = wait(self.running, return_when=FIRST_COMPLETED)
                # In their order; those that failed last, so that nothing is lost with them.
                done = [f for f in self.running if f in ended]
                for future in sorted(done, key=_failed):
                    self._ended(self.running.pop(future), future)
        except KeyboardInterrupt:
            raise Interrupted(
                f"interrupted: {self.store.told()}; the same command goes on from there"
            ) from None
        finally:
            for future in self.running:
                future.cancel()

    def _ended(self, task: Task, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except DatasetError:
            raise
        except BrokenProcessPool as error:
            why = "out of memory perhaps"
            if not self.made:
                why += ', or, in a script, because the call is not under if __name__ == "__main__":'
            raise StudyError(
                f"a process ended by itself: {why}. {self.store.told()}; the same with one job "
                "(--jobs 1, jobs=1) goes on from there"
            ) from error
        except Exception as error:
            what = f"{type(error).__name__}: {error}. {self.store.told()}"
            raise StudyError(f"the run ({task.words}) failed: {what}") from error
        self.store.put(task, outcome)
        self.made += 1
        self._note(task, outcome)
        self.say(self._line(task, outcome))

    def _begin(self, case: dict[str, Any], name: str) -> None:
        rates = self.plan.rates
        if len(rates) > 1:
            for rate in rates:
                self._add(self._task(case, name, rate, 0, False))
        else:
            self._final(case, name, rates[0] if rates else None, False)

    def _final(self, case: dict[str, Any], name: str, rate: float | None, edge: bool) -> None:
        self.rates.append({"arm": name, "case": case, "rate": rate, "edge": edge})
        for seed in range(self.plan.seeds):
            self._add(self._task(case, name, rate, seed, True))

    def _add(self, task: Task) -> None:
        known = self.store.get(task)
        if known is None:
            self.left.append(task)
        else:
            self._note(task, known)

    def _note(self, task: Task, outcome: Outcome) -> None:
        self.done.append((task, outcome))
        if task.final:
            return
        case = dict(task.case)
        group = self.groups.setdefault(json.dumps([task.arm, case], sort_keys=True), [])
        group.append((task, outcome))
        if len(group) == len(self.plan.rates):
            rate = self._choice({t.rate or 0.0: o["score"] for t, o in group})
            self._final(case, task.arm, rate, rate in (min(self.plan.rates), max(self.plan.rates)))

    def _choice(self, scores: dict[float, float | None]) -> float:
        """The rate with the best score; of equal ones, or if all diverged, the least."""
        sign = -1 if self.study.measures[0].better == "lower" else 1
        worth = {r: -math.inf if s is None else sign * s for r, s in scores.items()}
        return max(sorted(worth), key=lambda rate: worth[rate])

    def _task(
        self, case: dict[str, Any], name: str, rate: float | None, seed: int, final: bool
    ) -> Task:
        settings = dict(self.plan.settings)
        files = settings.pop("files", {})
        if name in files:
            settings["file"] = files[name]
        return Task(
            self.study.name, self.scale, name, case, rate, seed, final, settings, self.source
        )

    def _line(self, task: Task, outcome: Outcome) -> str:
        first = self.study.measures[0]
        score = outcome["score"]
        text = "diverged" if score is None else f"{score * first.scale:.{first.digits}f}"
        left = self.total - len(self.done)
        seconds = (time.monotonic() - self.begin) / self.made * left
        until = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
        rest = f"; about {until} left" if left else ""
        return (
            f"{len(self.done)}/{self.total} {task.words}: {text} ({outcome['seconds']:.1f} s){rest}"
        )
