"""The studies by name; each is imported when it is asked for."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path

from apalu_ref.studies.plan import Study, StudyError

NAMES = (
    "mnist-cnn", "mobilenet", "googlenet", "resnet50", "deep-svdd", "differnet",
    "distillation-ad", "sign-language", "regression-dnn", "regression-rnn", "depth", "overhead",
    "sensitivity", "stability", "gradient-flow", "overfitting", "approximation",
)  # fmt: skip
"""All studies, in the order of the pages."""

KEPT = Path(__file__).parent / "kept"
"""The results that come with the package: every study at quick scale."""


def find(name: str) -> Study:
    """The study of this name.

    Raises
    ------
    StudyError
        If there is none, with the nearest.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name.replace("_", "-"), NAMES, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise StudyError(f"there is no study {name!r}: {hint}There are {', '.join(NAMES)}")
    study: Study = import_module("apalu_ref.studies." + name.replace("-", "_")).STUDY
    return study
