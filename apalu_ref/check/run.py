"""Runs a check: starts the subject's process, judges its answers, gathers the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apalu_ref.check.child import Child
from apalu_ref.check.features import known
from apalu_ref.check.plan import Request
from apalu_ref.check.probes import PROFILES
from apalu_ref.check.report import Report
from apalu_ref.check.session import Session

# After so many hangs or crashes the rest of the probes would only cost time.
_MOST_RESTARTS = 3


def check(
    subject: str,
    *,
    profile: str = "standard",
    adapter: str = "auto",
    against: str = "apalu",
    map: Mapping[str, str] | None = None,
    capabilities: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    device: str = "",
    timeout: float = 10.0,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check an implementation of an activation.

    The subject runs in a process of its own. Its forward and its backward are compared
    with the oracle, and its backward with finite differences of its own forward.

    Parameters
    ----------
    subject : str
        ``file.py``, ``file.py:attribute``, ``package.module`` or
        ``package.module:attribute``; a program, or a command with its arguments; or a folder
        of answers. Checking a subject is running its code.
    profile : {"standard", "quick", "strict", "exhaustive"}
        ``quick`` asks less; ``strict`` makes warnings errors and requires all that was not
        declared away; ``exhaustive`` besides asks for every float16 and bfloat16 value and
        goes to the edge of overflow.
    adapter : str
        ``"numpy"``, ``"torch"``, ``"jax"``, ``"autograd"``, ``"minigrad"``, ``"exec"``,
        ``"answers"``, or ``"auto"``: recognised.
    against : str
        ``"apalu"``; ``"self"``: backward is only compared with differences of forward, for
        any activation; or ``file.py:attribute``, a NumPy reference of another activation.
    map : mapping of str to str, optional
        Our parameter names to the subject's, ``{"a": "alpha"}``.
    capabilities : mapping, optional
        What it offers, on top of what it declares itself; see
        :func:`apalu_ref.check.features.withheld`.
    require : iterable of str, optional
        Features that must be offered.
    device : str
        Where a framework should compute, ``"cuda"`` for example.
    timeout : float
        Seconds allowed for the import and for each probe.
    progress : callable, optional
        Called with the number of probes done and the number of all.

    Returns
    -------
    Report

    Raises
    ------
    SubjectError
        If the check cannot begin: there is no such file or attribute (``exit_status`` 2),
        importing it fails or its first plain call does (``exit_status`` 3).
    ValueError
        If there is no such profile or feature.

    Examples
    --------
    >>> report = check("apalu_ref.check.own:Formula", profile="quick")
    >>> report.verdict, len(report.findings)
    ('conforms', 0)
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}: one of {', '.join(PROFILES)}")
    required = [known(feature) for feature in require]
    request = Request(
        subject, profile, adapter, against, dict(map or {}), dict(capabilities or {}), device,
        timeout,
    )  # fmt: skip
    begin = time.perf_counter()
    session = Session(request, required)
    restarts = 0
    while True:
        with Child(request, session.done) as child:
            for frame in child:
                session.take(frame)
                if progress is not None and frame["event"] == "answer":
                    progress(len(session.done), len(session.asked))
                if session.hangs > _MOST_RESTARTS:
                    break
            session.printed += child.said()
        if frame["event"] == "done":
            break
        restarts += 1
        if restarts > _MOST_RESTARTS or session.hangs > _MOST_RESTARTS:
            session.not_run = len(session.asked) - len(session.done)
            break
    alone = session.doubtful()
    if alone:
        # In a fresh process: is the answer the same as after all the other calls?
        with Child(request, [name for name in session.asked if name != alone]) as child:
            for frame in child:
                session.take_alone(frame)
    return session.report(time.perf_counter() - begin)
