"""What the tasks are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One exercise.

    Attributes
    ----------
    number : int
        Its place; it may use what tasks with smaller numbers define.
    name : str
        What it is called on the command line.
    title : str
    asks : dict of str to tuple of str
        What is to be written, and the parts of the verdict that depend on it.
    given : tuple of str
        What its file defines besides, and must go on to define.
    imports : tuple of str
        What it may import, besides the submission itself and the standard library.
    tutorial : str
        The tutorial it belongs to.
    """

    number: int
    name: str
    title: str
    asks: dict[str, tuple[str, ...]]
    given: tuple[str, ...] = ()
    imports: tuple[str, ...] = ("numpy",)
    tutorial: str = ""

    @property
    def module(self) -> str:
        """The name of its file, without ``.py``."""
        return f"task{self.number}_{self.name}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of its verdict, in order."""
        return tuple(part for parts in self.asks.values() for part in parts)


def _each(*names: str) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


_KERNEL = {"forward": ("y",), "backward": ("dx", "da", "db")}

TASKS = (
    Task(1, "derivatives", "the derivatives of u and v", _each("u", "du", "v", "dv"),
         tutorial="01_meet_apalu"),
    Task(2, "sigmoid", "a stable sigmoid", _each("sigmoid", "sigmoid_slope"), given=("u", "du"),
         tutorial="04_apalu_as_an_op"),
    Task(3, "backward", "forward and backward, with broadcasting",
         {"sum_to": ("sum_to",), **_KERNEL}, tutorial="04_apalu_as_an_op"),
    Task(4, "op", "an operation of minigrad", {**_KERNEL, "formula": ("second order",)},
         given=("Apalu",), imports=("numpy", "minigrad"), tutorial="04_apalu_as_an_op"),
    Task(5, "tape", "a tape of your own",
         {**_each("add", "mul", "div", "exp", "where", "total"),
          "backward": ("backward", "apalu")},
         given=("Var", "as_var", "apalu"), tutorial="03_build_an_autograd"),
    Task(6, "fused", "a fused kernel",
         {"forward": ("y", "memory of forward"),
          "backward": ("dx", "da", "db", "memory of backward")},
         given=("task3",), tutorial="09_make_numpy_fast"),
    Task(7, "activation", "an activation of your own, with its report card",
         _each("activation", "slope", "CARD"), tutorial="10_design_your_own"),
)  # fmt: skip
"""All tasks, in order."""


def find(name: str) -> Task:
    """The task of that name or number, or whose file that is, in capitals or not.

    Raises
    ------
    ValueError
        If there is none; the message lists what there is, and what may have been meant.
    """
    asked = name.strip().lower().replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    for task in TASKS:
        if asked in (task.name, str(task.number), f"task{task.number}", task.module):
            return task
    there = ", ".join(f"{task.number} {task.name}" for task in TASKS)
    known = {word: task for task in TASKS for word in (task.name, task.module)}
    near = difflib.get_close_matches(asked, known, n=1)
    meant = f"; did you mean {known[near[0]].name}?" if near else ""
    raise ValueError(f"there is no task {name!r}; there are: {there}{meant}")
