"""What is asked for in a check, and what will be asked of the subject."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """How to check: the arguments of :func:`apalu_ref.check.check`, for the subject's process."""

    subject: str
    profile: str = "standard"
    adapter: str = "auto"
    against: str = "apalu"
    map: dict[str, str] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    device: str = ""
    timeout: float = 10.0


@dataclass
class Plan:
    """What came of it: the adapter, the parameters' names, and which features are asked for.

    ``withheld`` are the features declared away, ``refusable`` those that may be refused
    without that, ``kinks`` the places that are visited.
    """

    adapter: str
    names: list[str]
    features: list[str]
    withheld: list[str]
    refusable: list[str]
    kinks: list[float]
