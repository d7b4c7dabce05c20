"""The folder of requests that are answered elsewhere: what is where, and how it is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from apalu_ref.check.exchange import write_request
from apalu_ref.check.probes import APALU, Probe, probes

REQUESTS, ANSWERS = "requests", "answers"


def answer_path(folder: str | Path, probe: str) -> Path:
    """Where the answer to a probe's request is expected."""
    return Path(folder, ANSWERS, f"{_stem(probe)}.answer")


def request_path(folder: str | Path, probe: str) -> Path:
    """Where a probe's request lies."""
    return Path(folder, REQUESTS, f"{_stem(probe)}.request")


def _stem(probe: str) -> str:
    return probe.replace("/", "__").replace("=", "-").replace("<", "-lt-")


def write_requests(
    folder: str | Path,
    profile: str,
    features: Collection[str],
    names: tuple[str, ...] = APALU,
    kinks: Sequence[float] = (),
) -> list[Probe]:
    """Write the requests of a profile and make the folder for their answers.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    profile : str
        As for :func:`apalu_ref.check.check`.
    features : collection of str
        What is asked; see :mod:`apalu_ref.check.features`.
    names : tuple of str
        The parameters, of another activation than APALU.
    kinks : sequence of float
        Its kinks, which are visited besides.

    Returns
    -------
    list of Probe
        Those that were written.
    """
    chosen = probes(profile, features)
    for name in (REQUESTS, ANSWERS):
        Path(folder, name).mkdir(parents=True, exist_ok=True)
    for probe in chosen:
        write_request(request_path(folder, probe.id), probe.id, probe.calls(names, kinks))
    return chosen
