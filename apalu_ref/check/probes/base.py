"""What a probe is."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from apalu_ref.check.features import DTYPES
from apalu_ref.check.inputs import Call, renamed

Build = Callable[[np.random.Generator], list[Call]]

APALU = ("a", "b")


@dataclass(frozen=True)
class Probe:
    """One question.

    ``kind`` says how the calls are made: ``"gradients"`` (forward, backward),
    ``"repeated"`` (the same call twice), ``"interleaved"`` (both forwards, then both
    backwards), ``"stacked"`` (the same, the last backward first), ``"backward-twice"``,
    ``"same-memory"`` (the second call's values in the first one's arrays),
    ``"edited-output"`` (y is overwritten before backward), ``"threads"``,
    ``"second"`` (derivatives of the gradients) or ``"differences"`` (backward, and
    differences of forward). ``needs`` names the features of a subject that it asks for.
    """

    id: str
    why: str
    build: Build = field(repr=False)
    kind: str = "gradients"
    needs: frozenset[str] = frozenset()

    @property
    def family(self) -> str:
        """The first part of its id."""
        return self.id.split("/")[0]

    def random(self) -> np.random.Generator:
        """The source of its inputs: the same for the same id."""
        return np.random.default_rng(zlib.crc32(self.id.encode()))

    def calls(self, names: tuple[str, ...] = APALU, kinks: Sequence[float] = ()) -> list[Call]:
        """The inputs, fresh and the same every time.

        ``names`` are those of the parameters. ``kinks`` are places to visit besides, for
        functions whose kinks are not APALU's.
        """
        made = [renamed(call, names) for call in self.build(self.random())]
        if self.family in ("values", "scalars", "differences"):
            made = [_visiting(call, kinks) for call in made]
        return made


def _visiting(call: Call, kinks: Sequence[float]) -> Call:
    """Some x replaced by the kinks and by points close to them on both sides."""
    places = [k + d for k in kinks if k for d in (0, -1e-3, 1e-3)][: call.x.size // 3]
    if not places or call.x.ndim != 1:
        return call
    x = call.x.copy()
    x[np.linspace(0, x.size - 1, len(places)).astype(int)] = places
    return call._replace(x=x)


def probe(
    id: str, why: str, build: Build, kind: str = "gradients", needs: Sequence[str] = ()
) -> Probe:
    """Make one; its type is the second part of its id."""
    parts = id.split("/")
    dtype = [parts[1]] if len(parts) > 1 and parts[1] in DTYPES else []
    return Probe(id, why, build, kind, frozenset([*needs, *(dtype or ["float64"])]))
