"""Made-up results of the studies of defects, and stand-ins for their data."""

from dataclasses import replace

import numpy as np

from apalu_ref.studies.plan import Task
from apalu_ref.studies.results import gather


def task(study, arm="relu", final=True, seed=0, **more):
    """A run at smoke scale on the bundled textures."""
    settings = study.scales["smoke"].settings
    base = Task(study.name, "smoke", arm, {"surface": "brick"}, 0.01, seed, final, settings)
    return replace(base, source="bundled", **more)


def spoiled(surface):
    """The same surface with another test set."""
    rng = np.random.default_rng(0)
    return replace(
        surface,
        test=255 - surface.test,
        labels=rng.permutation(surface.labels),
        masks=~surface.masks,
    )


def made(study, scores, seeds=3, cases=({"surface": "brick"},), data=()):
    """Results in which every run of an arm has ``scores[arm]``; None for runs that diverged."""
    plan = replace(study.scales["smoke"], arms=tuple(scores), seeds=seeds, cases=cases)
    picture = [[[0, 255], [9, 80]]] * 2
    done = []
    for arm, score in scores.items():
        for case in cases:
            for seed in range(seeds):
                found = {m.name: 0.75 for m in study.measures} | {"score": score}
                if score is None:
                    found = dict.fromkeys(found)
                more = {
                    "data": "textures brick", "kinds": ["hole", "swap"],
                    "image": picture, "mask": picture, "map": picture,
                }  # fmt: skip
                found |= {
                    "parameters": 5, "diverged": None if score else "it did", "curves": {},
                    "more": more if seed == 0 and score else {}, "seconds": 1.0,
                }  # fmt: skip
                done.append((task(study, arm, seed=seed, case=case), found))
    return gather(study, "quick", plan, list(data), {}, done, [])
