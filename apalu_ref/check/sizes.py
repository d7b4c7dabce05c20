"""At which sizes an answer is wrong, and what block or index type that shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from apalu_ref.check.causes import EDGES, Cause
from apalu_ref.check.judge import Mark

if TYPE_CHECKING:
    from apalu_ref.check.session import Session

_BLOCKS = (2, 4, 8, 10, 16, 32, 64, 100, 128, 256, 500, 512, 1000, 1024, 2048, 4096, 8192, 10_000,
           16_384, 32_768, 50_000, 65_536, 100_000, 131_072, 262_144)  # fmt: skip

_SMALL = 16
_CHANCE = 0.15

_PATTERNS: list[tuple[str, Callable[[int, int], bool]]] = [
    ("wrong for more than {b} elements: a block, an index type or a chunk ends there",
     lambda n, b: n > b),
    ("wrong for {b} and more elements: another path is taken from there on", lambda n, b: n >= b),
    ("wrong where the size is more than {b} and not a multiple of it: the remainder after whole "
     "blocks is lost or counted twice", lambda n, b: n > b and n % b != 0),
    ("wrong where the size is not a multiple of {b}: the remainder after whole blocks is lost",
     lambda n, b: n % b != 0),
    ("wrong where the size is a multiple of {b}", lambda n, b: n > 1 and n % b == 0),
]  # fmt: skip


def pattern(session: Session, quantity: str, marks: list[Mark]) -> Cause | None:
    """The rule by which some sizes are wrong and others are not, if a simple one fits all."""
    # What is lost may belong to a alone, or to b: both sums together tell all that is lost.
    own = {quantity} if quantity in ("y", "dx") else {f"d{n}" for n in ("a", "b")}
    wrong = [m for m in session.marks if m.quantity in own and m.level == "core"]
    failing = {m.call.gy.size for m in wrong if m.call is not None and _plain(m.probe.id, m.call)}
    passing = set()
    for name, results in session.answers.items():
        for call, got in zip(session.asked[name].calls(), results, strict=True):
            if _plain(name, call) and quantity in got:
                passing.add(call.gy.size)
    passing -= failing
    if not failing or not passing:
        return None
    best: tuple[float, Cause | None] = (_CHANCE, None)
    for text, rule in _PATTERNS:
        multiple = "multiple" in text
        # Of the smallest sizes one may be right by chance: that is no rule.
        if min(failing) < _SMALL and not multiple:
            continue
        for block in _BLOCKS:
            if multiple and sum(n >= block and not rule(n, block) for n in passing) < 2:
                continue  # no size that was asked could tell
            # What is lost may be an element that counts for nothing: a few sizes pass by chance.
            spared = sum(rule(n, block) for n in passing) / len(failing)
            if spared < best[0] and all(rule(n, block) for n in failing):
                best = spared, Cause(text.format(b=f"{block:,}"), EDGES, _places(marks))
    return best[1]


def _plain(name: str, call: object) -> bool:
    shape = getattr(call, "gy", np.zeros((0, 0))).shape
    return name.startswith("sizes/float64/") and len(shape) == 1


def _places(marks: Iterable[Mark]) -> str:
    for mark in marks:
        if mark.wrong is not None and mark.wrong.ndim == 1 and mark.wrong.size > 1:
            where = np.flatnonzero(mark.wrong)
            return f"here {where.size} of {mark.wrong.size} elements, the first at index {where[0]}"
    return ""
