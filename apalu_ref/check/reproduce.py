"""One probe again, in this process: for a debugger, or to see the numbers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from apalu_ref.check.plan import Request

if TYPE_CHECKING:
    from apalu_ref.check.worker import Worker


def command(request: Request, probe: str, quantity: str) -> str:
    """The line that asks one probe again."""
    words = ["apalu-ref", "check", request.subject]
    if request.adapter != "auto":
        words += ["--adapter", request.adapter]
    if request.against != "apalu":
        words += ["--against", request.against]
    if request.map:
        words += ["--map", ",".join(f"{ours}={theirs}" for ours, theirs in request.map.items())]
    for key, value in request.declared.items():
        said = ",".join(value) if isinstance(value, (list, tuple)) else value
        if isinstance(said, bool):
            said = "yes" if said else "no"
        words += ["--declare", f"{key}={said}"]
    if request.device:
        words += ["--device", request.device]
    words += ["--repro", f"{probe}:{quantity}"]
    # Double quotes serve every shell, if there is nothing in the word that they let through.
    return " ".join(
        f'"{word}"' if shlex.quote(word) != word and not set(word) & set('"$`!\\') else
        shlex.quote(word) for word in words
    )  # fmt: skip


def reproduce(subject: str, probe: str, quantity: str = "", **options: Any) -> None:
    """Run one probe of a check in this process and print what is off.

    Exceptions of the subject are not caught, so that ``python -m pdb`` stops at them.

    Parameters
    ----------
    subject : str
        As given to :func:`apalu_ref.check.check`.
    probe : str
        A probe's id, as a report names it.
    quantity : str, optional
        ``"y"``, ``"dx"``, ``"da"`` or ``"db"``; default all.
    **options
        ``adapter``, ``against``, ``map`` and ``device``, as for ``check``.

    Raises
    ------
    ValueError
        If there is no such probe, or it cannot be asked of this subject.

    Examples
    --------
    >>> reproduce("apalu_ref.check.own:Formula", "plain/float64", "dx")
    plain/float64: a plain call: x of shape (3,), parameters of shape ()
    x float64 (3,), a float64 (), b float64 (), gy float64 (3,)
    dx is right
    """
    from apalu_ref.check.calls import Caller
    from apalu_ref.check.worker import Worker

    worker = Worker(Request(subject, profile="exhaustive", **options))
    chosen = {p.id: p for p in worker.asked()}.get(probe)
    if chosen is None:
        raise ValueError(
            f"no probe {probe!r} is asked of {worker.adapter.name} subjects; reports name those "
            "that are, e.g. 'plain/float64'"
        )
    print(f"{chosen.id}: {chosen.why}")
    calls = chosen.calls(tuple(worker.plan.names), worker.plan.kinks)
    for call in calls:
        print(", ".join(f"{n} {call.storage or t.dtype} {t.shape}" for n, t in call.arrays.items()))
    Caller(worker.adapter).run(chosen, calls)  # raises what the subject raises
    _judged(worker, chosen, quantity)


def _judged(worker: Worker, chosen: Any, quantity: str) -> None:
    from apalu_ref.check.findings import describe
    from apalu_ref.check.session import Session

    session = Session(worker.request)
    session.load(worker.plan)
    answer, arrays = worker.run(chosen)
    session.answer(chosen, {**answer, "values": arrays})
    names = dict.fromkeys(name.split(".")[1] for name in arrays)
    names = {n: None for n in names if n not in ("want", "own")}
    # A quantity that is an input ("x was written to") has no values to show.
    for name in [quantity] if quantity in names else names:
        found = [mark for mark in session.marks if mark.quantity == name]
        for mark in found:
            print(f"{mark.level}: {describe(mark)}")
        if not found:
            print(f"{name} is right")
    for mark in session.marks:
        if mark.quantity not in names:
            print(f"{mark.level}: {describe(mark)}")
