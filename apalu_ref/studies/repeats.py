"""Runs that do not depend on all of their condition, made once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace

from apalu_ref.studies.plan import Outcome, Task

_KEPT: dict[str, Outcome] = {}
_MOST = 64


def without(task: Task, *keys: str) -> Task:
    """The task, its condition without these keys.

    What is drawn for it is then the same whatever they are: conditions that differ in nothing
    else are paired, too.
    """
    return replace(task, case={k: v for k, v in task.case.items() if k not in keys})


def once(run: Callable[[Task], Outcome], task: Task) -> Outcome:
    """``run(task)``, or what it gave in this process before.

    ReLU has no a and b; where a condition says how these begin, its runs are the same under all.
    """
    key = f"{run.__module__}.{run.__qualname__} {json.dumps(task.as_json(), sort_keys=True)}"
    if key not in _KEPT:
        while len(_KEPT) >= _MOST:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = run(task)
    return copy.deepcopy(_KEPT[key])
