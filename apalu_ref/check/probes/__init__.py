"""The questions asked of a subject, each with the reason it is asked.

A probe is one or more calls with fixed inputs. Inputs are built from the probe's id alone,
so that the process that runs the subject and the one that judges it need not exchange them.
"""

from __future__ import annotations

from collections.abc import Collection

from apalu_ref.check.features import FEATURES
from apalu_ref.check.probes.base import APALU, Probe
from apalu_ref.check.probes.exhaustive import exhaustive
from apalu_ref.check.probes.state import again, state
from apalu_ref.check.probes.structure import layouts, shapes, sizes, types
from apalu_ref.check.probes.values import differences, plain, second, special, upstreams, values

__all__ = ["APALU", "PROFILES", "Probe", "asked", "probes"]

PROFILES = ("quick", "standard", "strict", "exhaustive")


def probes(profile: str = "standard", features: Collection[str] = FEATURES) -> list[Probe]:
    """The probes of a profile, in the order they are run.

    ``strict`` asks what ``standard`` asks and differs in how it judges. Only probes that
    need no other than the given features are asked.
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}: one of {', '.join(PROFILES)}")
    found = [*plain(), *values(quick=profile == "quick"), *shapes(), *upstreams()]
    found += [*state(), *differences()]
    if profile != "quick":
        found += [*second(), *layouts(), *sizes(), *types(), *special()]
    if profile == "exhaustive":
        found += exhaustive()
    found += again()
    return [p for p in found if p.needs <= set(features)]


def asked(profile: str, features: Collection[str], against: str) -> list[Probe]:
    """The probes of a check.

    Parameters of hundreds are asked of APALU only, which is linear in them: of other functions
    they make what nobody computes to all digits.
    """
    chosen = probes(profile, features)
    if against == "apalu":
        return chosen
    return [p for p in chosen if not (p.family == "values" and p.id.endswith("/large"))]
