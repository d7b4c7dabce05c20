"""Names that a task's file gets on its way, as ``task1_derivatives (1).py``."""

from __future__ import annotations

import re

from apalu_ref.exercises.tasks import TASKS, Task

# What browsers, desktops and people put behind a name: (1), -1, 2, copy, - Copy (2), _v2, _final.
_BEHIND = r"(?:[\s_.–-]*(?:\(\d+\)|v?\d+|copy|kopie|copie|copia|final|new|old))*[\s_.–-]*"


def like(name: str) -> Task | None:
    """The task whose file this may be, if it is not called as that is.

    Parameters
    ----------
    name : str
        A file's name, without its folder.
    """
    if name.startswith(".") or name in {f"{task.module}.py" for task in TASKS}:
        return None
    stem = re.sub(r"(\.(py|txt))+$", "", name, flags=re.IGNORECASE)
    if stem == name or re.search("test|check|solution", stem.lower().partition("task")[0]):
        return None  # no program, or one about one
    for task in TASKS:
        # Systems that collect submissions put the name of who hands in before it.
        pattern = rf"(?:^|.*[\s_.-])task[\s_-]*0?{task.number}[\s_-]*{task.name}{_BEHIND}"
        if re.fullmatch(pattern, stem, re.IGNORECASE):
            return task
    return None
