"""How a and b fare in training, and the ways in which APALU fails, told as they happen.

APALU's own failure signatures are: a or b not finite; both near 0, so that the unit gives
nothing; of opposite signs, so that it is not monotonic any more; very large, so that the layer
multiplies what passes through it. How far b is from 3a/2, where the kink at 0 vanishes, is only
recorded: it is no failure.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor
from minigrad.train import Run
from minigrad.train.history import History, save_figure
from minigrad.watch import Watcher

Array = NDArray[Any]

_QUANTILES = (0, 25, 50, 75, 100)


class WatchAPALU(Watcher):
    """Record a and b of every APALU layer, and warn when they go wrong.

    A callback of :func:`minigrad.train.fit`. Columns of its table, for a layer ``act1``:
    ``act1.a`` and ``act1.b``, all values, or minimum, quartiles and maximum where there are more
    than ``most``; ``act1.kink``, the mean of ``|b − 3a/2|``.

    Parameters
    ----------
    each : int
        Look every so many steps.
    dead : float
        Magnitudes below this count as nothing.
    large : float
        Magnitudes above this are warned of.
    most : int
        Up to how many values of a layer are recorded one by one.
    name : str
        The name of the table.

    Raises
    ------
    NonFiniteError
        In training, when a or b is NaN or infinite.
    ValueError
        When training starts, if the model has no module with Tensors ``a`` and ``b``.
    """

    def __init__(
        self,
        each: int = 10,
        dead: float = 1e-3,
        large: float = 10.0,
        most: int = 64,
        name: str = "apalu",
    ) -> None:
        super().__init__(each, name)
        self.dead, self.large, self.most = dead, large, most
        self._layers: list[tuple[str, Any]] = []
        self._history: History | None = None

    def on_start(self, run: Run) -> None:
        """Find the layers, and record where they start."""
        self._history = run.history
        self._layers = [
            (name or type(module).__name__, module)
            for name, module in run.model.named_modules()
            if isinstance(getattr(module, "a", None), Tensor)
            and isinstance(getattr(module, "b", None), Tensor)
        ]
        if not self._layers:
            raise ValueError("the model has no APALU layer: no module has Tensors a and b")
        if run.step == 0:
            self._look(run)

    def on_step(self, run: Run) -> None:
        """Record, and warn."""
        if run.step % self.each == 0:
            self._look(run)

    def _look(self, run: Run) -> None:
        row: dict[str, Any] = {}
        for layer, module in self._layers:
            a, b = module.a.data, module.b.data
            self._judge(run, layer, a, b)
            row[f"{layer}.a"], row[f"{layer}.b"] = self._short(a), self._short(b)
            row[f"{layer}.kink"] = float(np.abs(b - 1.5 * a).mean(dtype=np.float64))
        self.add(run, row)

    def _short(self, values: Array) -> list[float]:
        if values.size > self.most:
            values = np.percentile(values.astype(np.float64), _QUANTILES)
        return [float(v) for v in values.ravel()]

    def _judge(self, run: Run, layer: str, a: Array, b: Array) -> None:
        for letter, values in (("a", a), ("b", b)):
            if bad := _first(~np.isfinite(values)):
                run.fail(
                    f"{letter} of layer {layer}{bad} is {values[bad.index]}",
                    "give a and b a smaller learning rate (apalu_ref.layer.parameter_groups), or "
                    "clip_grad_norm=1.0",
                )
            if big := _first(np.abs(values) > self.large):
                value = float(values[big.index])
                slope = abs(2 * value if letter == "a" else value)
                run.warn(
                    f"{letter} of layer {layer}{big} has grown to {value:.4g} at {run.where()}"
                    f"{big.others}: the layer multiplies its input by about {slope:.3g}; give a "
                    "and b a smaller learning rate, or scale the targets",
                    once=f"{self.name}: large {letter} {layer}",
                )
        a, b = np.broadcast_arrays(a, b)

        def tell(kind: str, where: Array, what: str, remedy: str) -> bool:
            if place := _first(where):
                numbers = f"a = {a[place.index]:.3g} and b = {b[place.index]:.3g}"
                run.warn(
                    f"layer {layer}{place} {what}: {numbers} at {run.where()}{place.others}; "
                    f"{remedy}",
                    once=f"{self.name}: {kind} {layer}",
                )
            return place is not None

        nothing = (np.abs(a) < self.dead) & (np.abs(b) < self.dead)
        decay = "take a and b out of the weight decay, or start them at init=(1.0, 1.5)"
        sign = "take APALU(positive=True), or give a and b a smaller learning rate"
        dead = tell("dead", nothing, "is dead, its output about 0 for every input", decay)
        if not dead and a.size and (np.abs(a) < self.dead).all():
            run.warn(
                f"layer {layer} lets nothing through for x ≥ 0: the largest |a| is "
                f"{np.abs(a).max():.3g} at {run.where()}; {decay}",
                once=f"{self.name}: closed {layer}",
            )
        # Beside an axis, where one of them is as good as 0, signs say nothing.
        opposite = (a * b < 0) & (np.minimum(np.abs(a), np.abs(b)) >= self.dead)
        tell("sign", opposite, "is not monotonic any more, a and b having opposite signs", sign)
        negative = (a < 0) & (b < 0) & ~nothing
        tell("falling", negative, "is a decreasing function now, a and b being negative", sign)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw a and b over the steps, a row of panels a layer.

        Parameters
        ----------
        path : path-like, optional
            Where to write the picture, in the format its ending names.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from matplotlib.figure import Figure

        table = {} if self._history is None else self._history.records.get(self.name, {})
        layers = [column.removesuffix(".kink") for column in table if column.endswith(".kink")]
        if not layers:
            raise ValueError("there is nothing to draw before training has begun")
        figure = Figure(figsize=(9, 2.6 * len(layers)), layout="constrained")
        panels = figure.subplots(len(layers), 2, squeeze=False, sharex=True)
        for row, layer in zip(panels, layers, strict=True):
            for panel, letter, colour in zip(row, "ab", ("tab:blue", "tab:orange"), strict=True):
                values = np.array(table[f"{layer}.{letter}"], dtype=float)
                strength = max(0.4, 1 / math.sqrt(values.shape[1]))
                panel.plot(table["step"], values, color=colour, alpha=strength, lw=1.2)
                panel.axhline(0, color="0.6", lw=0.8)
                panel.set_title(f"layer {layer}: {letter}", fontsize=10)
                panel.spines[["top", "right"]].set_visible(False)
        for panel in panels[-1]:
            panel.set_xlabel("step")
        if path is not None:
            save_figure(figure, path)
        return figure


class _Place:
    """The first place where something holds, such as ``, channel 3``, and how many others."""

    def __init__(self, index: tuple[int, ...], count: int, of: int) -> None:
        self.index = index
        self.of = of
        self.others = f" (and {count - 1} more of {of})" if count > 1 else ""

    def __str__(self) -> str:
        if self.of == 1:
            return ""
        if len(self.index) == 1:
            return f", channel {self.index[0]}"
        return f", unit [{', '.join(map(str, self.index))}]" if self.index else ""


def _first(where: Array) -> _Place | None:
    if not where.any():
        return None
    index = tuple(int(i) for i in np.argwhere(where)[0])
    return _Place(index, int(where.sum()), where.size)
