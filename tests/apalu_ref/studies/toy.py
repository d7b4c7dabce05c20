"""A study without networks, whose results are known, and an executor that runs on the spot."""

from concurrent.futures import Executor, Future

from apalu_ref.studies import conclude, figures
from apalu_ref.studies.plan import Measure, Scale, Study, outcome
from apalu_ref.studies.results import Results

BEST = {"relu": 0.01, "apalu": 0.1}
"""The learning rates that score best."""


class Here(Executor):
    """Makes each run when it is submitted; ``made`` lists them."""

    def __init__(self, then=None):
        self.made = []
        self.then = then

    def submit(self, function, task):
        future = Future()
        self.made.append(task)
        try:
            if self.then:
                self.then(task)
            future.set_result(function(task))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            future.set_exception(error)
        return future


def train(task):
    """0.9 for the best rate and less for others; a little more for each seed; APALU has 0.05 more.

    The numbers of choices are far from those of final runs, so that mixing them up shows.
    """
    score = 0.9 if task.rate == BEST.get(task.arm, 0.01) else 0.5
    score += 0.05 * (task.arm == "apalu") + 0.001 * task.seed + (0 if task.final else 7)
    if task.arm == "tanh":
        return outcome(None, diverged="NaN", parameters=3)
    return outcome(
        score, parameters=3, error=1 - score, curves={"loss": [1.0, 0.5, 0.25 + score / 100]}
    )


def draw(results):
    """One panel."""
    figure, panels = figures.panels(1)
    figures.by_arm(panels[0], results)
    return figure


def study(data=lambda settings, source: (), train=train, cases=({},), better="higher", **more):
    """The study."""
    scale = Scale(("relu", "apalu"), 3, (0.001, 0.01, 0.1), cases, {"epochs": 1}, "It is a toy.")
    return Study(
        name="mnist-cnn",
        title="A toy",
        question="Does it work?",
        protocol=("Nothing is done.",),
        answer="A number.",
        measures=(
            Measure("score", "accuracy, %", better, 100, 1),
            Measure("error", "error", "lower", 1, 3),
        ),
        scales={"smoke": scale, "quick": scale},
        data=data,
        train=train,
        conclude=conclude.better,
        draw=draw,
        **more,
    )


def results(scores, *, measure=None, cases=({},), better="higher", own=None, rates=()):
    """Results with these scores: arm to list (or, with several cases, lists) of numbers or None."""
    runs = []
    for i, case in enumerate(cases):
        for arm, values in scores.items():
            for seed, value in enumerate(values[i] if len(cases) > 1 else values):
                diverged = "NaN" if value is None else None
                made = outcome(value, diverged=diverged, parameters=10, error=value)
                runs.append({"arm": arm, "case": dict(case), "rate": 0.1, "seed": seed,
                             "outcome": made | {"seconds": 1.0}})  # fmt: skip
    some = own or study(better=better, cases=cases)
    count = len(next(iter(scores.values()))) if len(cases) == 1 else 2
    plan = Scale(tuple(scores), count, rates, tuple(cases), {}, "")
    return Results(some, "quick", plan, [], {"numpy": "2"}, [], [], runs, 1.0)
