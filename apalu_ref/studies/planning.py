"""What is to be run: a scale, with the arms and seeds that were asked for, and its data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from apalu_ref.datasets import DatasetError
from apalu_ref.studies.arms import arm
from apalu_ref.studies.plan import Scale, Study, StudyError
from apalu_ref.studies.results import Results

Say = Callable[[str], None]


def planned(
    study: Study, scale: str, seeds: int | None, activations: Sequence[str] | None
) -> Scale:
    """The study's scale, with other seeds and arms where they are asked for."""
    if scale not in study.scales:
        raise StudyError(f"there is no scale {scale!r}: choose from {', '.join(study.scales)}")
    plan = study.scales[scale]
    if seeds is not None:
        if seeds < 1:
            raise StudyError(f"seeds must be at least 1, not {seeds}")
        plan = replace(plan, seeds=seeds)
    if activations is not None:
        if isinstance(activations, str) or not all(isinstance(a, str) for a in activations):
            raise StudyError(
                "activations is a list of names; a function of your own is named file.py:function"
            )
        try:
            names = tuple(dict.fromkeys(arm(a.strip()).name for a in activations if a.strip()))
        except ValueError as error:
            raise StudyError(str(error)) from None
        if not names:
            raise StudyError("no activation was named")
        for name in names:
            if arm(name).kind == "own":
                _check_own(name)
        if study.baseline not in names:
            names = (study.baseline, *names)  # what the others are compared with
        plan = replace(plan, arms=names)
        if own := {n: _digest(n) for n in names if arm(n).kind == "own"}:
            # A run is another one when the file has changed.
            plan = replace(plan, settings={**plan.settings, "files": own})
    return plan


def _digest(name: str) -> str:
    return hashlib.sha256(Path(name.rpartition(":")[0]).read_bytes()).hexdigest()


def _check_own(name: str) -> None:
    from apalu_ref.check.subject import SubjectError
    from apalu_ref.properties import ActivationError
    from apalu_ref.properties.named import found

    try:
        differences = found(name).differences
    except (ActivationError, SubjectError) as error:
        raise StudyError(str(error)) from error
    if differences:
        raise StudyError(f"{name} cannot be trained: {differences}")


def joined(plan: Scale, before: Results) -> Scale:
    """The same with the arms and seeds that earlier results have: more is added, none is lost."""
    arms = tuple(dict.fromkeys([*before.arms, *plan.arms]))
    files = {**before.plan.settings.get("files", {}), **plan.settings.get("files", {})}
    settings = {**plan.settings, "files": files} if files else plan.settings
    return replace(plan, arms=arms, seeds=max(plan.seeds, before.plan.seeds), settings=settings)


def available(study: Study, plan: Scale, source: str, say: Say) -> Scale:
    """The same with the conditions only whose data are there; ``say`` is told of the others."""
    if study.available is None:
        return plan
    cases, left_out = study.available(plan, source)
    if not cases:
        raise DatasetError(left_out)
    if left_out:
        say(left_out)
        plan = replace(plan, note=f"{plan.note} {left_out}".strip())
    return replace(plan, cases=tuple(cases))
