"""What is known of an activation, and how it came to be known."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

How = Literal["proved", "computed", "sampled"]
"""``proved``: from the formula, and checked by computing. ``computed``: to rounding, by quadrature
or by closing in on a place. ``sampled``: seen at many places; elsewhere it may be otherwise."""


@dataclass(frozen=True)
class Fact:
    """One line of the card.

    Parameters
    ----------
    value : float, str, bool, list or None
        A number, a short text, or a list of such; None where there is none.
    how : str
        See :data:`How`.
    text : str
        What a number alone does not say: where, why.
    """

    value: Any
    how: How
    text: str = ""

    def __str__(self) -> str:
        return shown(self.value) + (f"  {self.text}" if self.text else "")


def shown(value: Any) -> str:
    """A value as it stands on a card."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(shown, value)) or "none"
    return str(value)


def number(value: float) -> str:
    """A number with six digits, and ∞ for what has no end.

    Examples
    --------
    >>> number(0.1 + 0.2), number(-float("inf"))
    ('0.3', '-∞')
    """
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value + 0.0:.6g}"


@dataclass
class Section:
    """Facts that belong together, by name."""

    title: str
    facts: dict[str, Fact] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Names and facts, for JSON: inf and NaN, which it has no numbers for, are text."""
        return {name: _clean(asdict(fact)) for name, fact in self.facts.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    return [_clean(v) for v in value] if isinstance(value, (list, tuple)) else value
