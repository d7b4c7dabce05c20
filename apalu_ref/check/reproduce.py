"""One probe again, in this process: for a debugger, or to see the numbers."""

from __future__ import annotations

from apalu_ref.check.exact import answers
from apalu_ref.check.findings import describe
from apalu_ref.check.judge import judge
from apalu_ref.check.probes import probes
from apalu_ref.check.subject import load


def reproduce(subject: str, probe: str, quantity: str = "") -> None:
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

    Raises
    ------
    ValueError
        If there is no such probe.

    Examples
    --------
    >>> reproduce("apalu_ref.check.own:Formula", "plain/float64", "dx")
    plain/float64: the first plain call: three values, scalar parameters
    x float64 (3,), a float64 (), b float64 (), gy float64 (3,)
    dx is right
    """
    known = {p.id: p for p in probes("exhaustive")}
    if probe not in known:
        raise ValueError(f"no probe {probe!r}; reports name them, e.g. 'plain/float64'")
    chosen, implementation = known[probe], load(subject)
    print(f"{chosen.id}: {chosen.why}")
    calls = chosen.calls()
    held = [implementation.forward(call.x, call.a, call.b) for call in calls]
    for call, (y, ctx) in zip(calls, held, strict=True):
        print(", ".join(f"{n} {t.dtype} {t.shape}" for n, t in call._asdict().items()))
        got = {"y": y}
        if not implementation.forward_only:
            gradients = implementation.backward(ctx, call.gy)
            got |= dict(zip(("dx", "da", "db"), gradients, strict=True))
        # A quantity that is an input ("x was written to") has no values to show.
        marks = list(judge(chosen, call, got, answers(*call)))
        for name in [quantity] if quantity in got else got:
            found = [mark for mark in marks if mark.quantity == name]
            for mark in found:
                print(f"{mark.level}: {describe(mark)}")
            if not found:
                print(f"{name} is right")
