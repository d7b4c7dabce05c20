"""Exercises that grade themselves: seven tasks, what a submission got wrong, and why.

:func:`check` grades tasks of one submission, :func:`check_class` a folder of them;
``apalu-ref exercise`` is the same on the command line. The stubs are in ``tutorials/exercises``.

Grading runs the submitted code, in a process of its own with limits of time and memory. That
keeps mistakes away from the grader. It is no protection from code that means harm.
"""

from apalu_ref.exercises.grade import check
from apalu_ref.exercises.group import ClassReport, check_class
from apalu_ref.exercises.result import Finding, Part, Result
from apalu_ref.exercises.submission import SubmissionError
from apalu_ref.exercises.tasks import TASKS, Task

__all__ = [
    "TASKS",
    "ClassReport",
    "Finding",
    "Part",
    "Result",
    "SubmissionError",
    "Task",
    "check",
    "check_class",
]
