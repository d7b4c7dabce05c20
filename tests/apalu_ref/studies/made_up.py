"""Results made up for conclusions and figures, runs at smoke scale, and data to tamper with."""

from dataclasses import replace

import numpy as np

from apalu_ref import datasets
from apalu_ref.studies import sweep
from apalu_ref.studies.catalogue import find
from apalu_ref.studies.plan import Task, outcome
from apalu_ref.studies.results import Results


def results(name, runs, *, scale="quick", settings=None):
    """Results of a study.

    ``runs`` is a list of (arm, case, outcomes); an outcome is that of ``outcome(...)``, or None
    for a run that diverged.
    """
    study = find(name)
    arms = tuple(dict.fromkeys(arm for arm, _, _ in runs))
    cases = tuple({repr(case): case for _, case, _ in runs}.values())
    plan = replace(study.scales[scale], arms=arms, cases=cases, seeds=max(len(o) for *_, o in runs))
    if settings is not None:
        plan = replace(plan, settings=settings)
    rows = [
        {"arm": arm, "case": dict(case), "rate": 0.01, "seed": seed,
         "outcome": (made or outcome(None, diverged="NaN")) | {"seconds": 1.0}}
        for arm, case, outcomes in runs for seed, made in enumerate(outcomes)
    ]  # fmt: skip
    return Results(study, scale, plan, [], {}, [], [], rows, 1.0)


def task(name, arm="apalu", case=None, *, seed=0, final=True, rate="first", **settings):
    """A run of the smoke scale on bundled data."""
    plan = find(name).scales["smoke"]
    if rate == "first":
        rate = plan.rates[0] if plan.rates else None
    return Task(
        name, "smoke", arm, dict(plan.cases[0] if case is None else case), rate, seed, final,
        {**plan.settings, **settings}, "bundled",
    )  # fmt: skip


def run(*args, **more):
    """Its outcome, without the time it took."""
    made = sweep.perform(task(*args, **more))
    del made["seconds"]
    return made


def spoil(monkeypatch, function):
    """Give the test part of a set of images other pixels and labels."""
    load = getattr(datasets, function)

    def spoiled(split="train", source="auto"):
        images = load(split, source=source)
        if split == "test":
            return replace(images, images=255 - images.images, labels=np.roll(images.labels, 3))
        return images

    for module in ("apalu_ref.datasets", "apalu_ref.studies.pictures"):
        monkeypatch.setattr(f"{module}.{function}", spoiled, raising=False)


def drawn(found):
    """Draw the figure of results as a picture, and give its panels."""
    figure = found.study.draw(found)
    figure.canvas.draw()
    return figure.axes
