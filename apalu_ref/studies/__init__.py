"""The paper's experiments and open questions, at a scale that a laptop can run.

``apalu-ref study --list`` names them. A study compares activations ("arms") as fairly as it can:
each chooses its learning rate on validation data from one grid, the test set is touched once a
run, controls tell what adapting does from what a larger gain does, and differences to ReLU come
as paired intervals over seeds.

>>> from apalu_ref import studies
>>> study = studies.find("mnist-cnn")
>>> study.measures[0].text
'test accuracy, %'
>>> study.scales["smoke"].arms
('relu', 'apalu')
"""

from apalu_ref.studies.arms import ARMS, Arm
from apalu_ref.studies.catalogue import NAMES, find
from apalu_ref.studies.plan import (
    Conclusion,
    Measure,
    Outcome,
    Scale,
    Study,
    StudyError,
    Task,
    outcome,
)
from apalu_ref.studies.results import Results, read
from apalu_ref.studies.sweep import Interrupted, run

__all__ = [
    "ARMS",
    "NAMES",
    "Arm",
    "Conclusion",
    "Interrupted",
    "Measure",
    "Outcome",
    "Results",
    "Scale",
    "Study",
    "StudyError",
    "Task",
    "find",
    "outcome",
    "read",
    "run",
]
