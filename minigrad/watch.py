"""Watchers: callbacks of :func:`minigrad.train.fit` that record what happens inside a model.

Each fills a table in ``history.records`` under its name, which goes into the history's JSON file
and into checkpoints::

    fit(..., callbacks=[WatchParameters("*.a", each=10), WatchGradients(), WatchDeadUnits("*relu")])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor
from minigrad.train import Callback, Run

Array = NDArray[Any]

_STATISTICS: dict[str, Callable[[Array], float]] = {
    "mean": lambda x: float(x.mean(dtype=np.float64)),
    "std": lambda x: float(x.std(dtype=np.float64)),
    "min": lambda x: float(x.min()),
    "max": lambda x: float(x.max()),
    "norm": lambda x: math.sqrt(float(np.square(x, dtype=np.float64).sum())),
}


class Watcher(Callback):
    """A callback with a table in the history, a row every so many steps."""

    def __init__(self, each: int, name: str) -> None:
        if not isinstance(each, int) or each < 1:
            raise ValueError(f"each must be a whole number of steps, 1 or more, not {each!r}")
        self.each = each
        self.name = name

    def due(self, run: Run) -> bool:
        """Whether this step is recorded: the first, and every ``each``-th."""
        return run.step % self.each == 0 or run.step == 1

    def add(self, run: Run, row: dict[str, Any]) -> None:
        """Append a row to the table; what it or earlier rows lack is None."""
        table = run.history.records.setdefault(self.name, {"step": []})
        row = {"step": run.step, **row}
        for column in row:
            table.setdefault(column, [None] * len(table["step"]))
        for column, values in table.items():
            values.append(row.get(column))


class WatchParameters(Watcher):
    """Record parameters, or statistics of them, over the steps.

    Parameters
    ----------
    names : str or iterable of str
        Names of parameters as ``model.named_parameters()`` gives them; ``*`` and ``?`` as in
        file names.
    each : int
        Record every so many steps.
    statistics : sequence of str, or None
        Of ``mean``, ``std``, ``min``, ``max``, ``norm`` and percentiles such as ``p5``; columns
        are named ``weight.mean``. None records all values, as nested lists, under ``weight``.
    name : str
        The name of the table.
    """

    def __init__(
        self,
        names: str | Iterable[str] = "*",
        each: int = 1,
        statistics: Sequence[str] | None = ("mean", "min", "max"),
        name: str = "parameters",
    ) -> None:
        super().__init__(each, name)
        self.patterns = [names] if isinstance(names, str) else list(names)
        self.statistics = None if statistics is None else {s: _statistic(s) for s in statistics}
        self._watched: list[tuple[str, Tensor]] = []

    def on_start(self, run: Run) -> None:
        """Find the parameters."""
        every = list(run.model.named_parameters())
        self._watched = [
            (name, p) for name, p in every if any(fnmatchcase(name, q) for q in self.patterns)
        ]
        if not self._watched:
            raise ValueError(
                f"no parameter is called {' or '.join(self.patterns)}: there are "
                f"{', '.join(name for name, _ in every)}"
            )

    def on_step(self, run: Run) -> None:
        """Record."""
        if not self.due(run):
            return
        row: dict[str, Any] = {}
        for name, p in self._watched:
            if self.statistics is None:
                row[name] = p.data.tolist()
            elif p.size:
                row.update({f"{name}.{s}": f(p.data) for s, f in self.statistics.items()})
        self.add(run, row)


def _statistic(name: str) -> Callable[[Array], float]:
    if name in _STATISTICS:
        return _STATISTICS[name]
    try:
        percent = float(name.removeprefix("p")) if name.startswith("p") else math.nan
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:
        raise ValueError(
            f"unknown statistic {name!r}: choose from {', '.join(_STATISTICS)}, and percentiles "
            "such as 'p5'"
        )
    return lambda x: float(np.percentile(x, percent))


class WatchGradients(Watcher):
    """Record the norm of each parameter's gradient; stop at NaN, warn of extremes.

    Columns: the parameters' names, with the norm of the gradient before clipping; with ``bins``
    also ``weight.histogram``, pairs of counts and edges.

    Parameters
    ----------
    each : int
        Look every so many steps.
    exploding : float
        Warn when a norm is above this.
    vanishing : float
        Warn when the root mean square of a gradient's elements is below this ``patience`` times
        in a row.
    patience : int
        See ``vanishing``.
    bins : int
        How many bins the histograms have; 0 for none.
    name : str
        The name of the table.

    Raises
    ------
    NonFiniteError
        In training, when a gradient has a NaN or an infinity: before the step is taken.
    """

    def __init__(
        self,
        each: int = 10,
        exploding: float = 1e3,
        vanishing: float = 1e-9,
        patience: int = 5,
        bins: int = 0,
        name: str = "gradients",
    ) -> None:
        super().__init__(each, name)
        self.exploding, self.vanishing = exploding, vanishing
        self.patience, self.bins = patience, bins
        self._small: dict[str, int] = {}  # how often in a row

    def on_backward(self, run: Run) -> None:
        """Record."""
        if not self.due(run):
            return
        run.check_gradients()
        row: dict[str, Any] = {}
        for name, p in run.model.named_parameters():
            if p.grad is None or not p.size:
                continue
            g = p.grad.data
            row[name] = norm = _STATISTICS["norm"](g)
            if self.bins:
                counts, edges = np.histogram(g, self.bins)
                row[f"{name}.histogram"] = [counts.tolist(), edges.tolist()]
            self._judge(run, name, norm, norm / math.sqrt(g.size))
        self.add(run, row)

    def _judge(self, run: Run, name: str, norm: float, rms: float) -> None:
        if norm > self.exploding:
            run.warn(
                f"the gradient of {name} explodes: its norm is {norm:.3g} at {run.where()}; try a "
                "smaller learning rate, clip_grad_norm=1.0, normalisation, or smaller initial "
                "weights",
                once=f"exploding {name}",
            )
        self._small[name] = self._small.get(name, 0) + 1 if rms < self.vanishing else 0
        if self._small[name] == self.patience:
            run.warn(
                f"the gradient of {name} vanishes: its root mean square was below "
                f"{self.vanishing:.3g} for {self.patience} looks in a row, {rms:.3g} at "
                f"{run.where()}; try another initialisation (with the activation's gain), "
                "normalisation or residual connections",
                once=f"vanishing {name}",
            )

    def state_dict(self) -> dict[str, Any]:
        """The counts of small gradients."""
        return {"small": dict(self._small)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        self._small = dict(state_dict["small"])


class WatchDeadUnits(Watcher):
    """Record, for each epoch, the share of units that gave the same output all the time.

    A unit whose output is one number for every input of an epoch of training tells nothing: a
    ReLU that is never active, or a saturated sigmoid. Columns: the modules' names.

    Parameters
    ----------
    modules : str or iterable of str
        Names of modules, usually activations, as ``model.named_modules()`` gives them, with ``*``
        and ``?`` as in file names.
    channel_axis : int
        The axis of the output that runs over the units: 1 for features and for channels.
    worst : float
        Warn when a larger share than this is dead.
    name : str
        The name of the table.
    """

    def __init__(
        self,
        modules: str | Iterable[str],
        channel_axis: int = 1,
        worst: float = 0.5,
        name: str = "dead units",
    ) -> None:
        super().__init__(1, name)
        self.patterns = [modules] if isinstance(modules, str) else list(modules)
        self.channel_axis, self.worst = channel_axis, worst
        self._range: dict[str, tuple[Array, Array]] = {}  # least and greatest output of each unit
        self._remove: list[Callable[[], None]] = []

    def on_start(self, run: Run) -> None:
        """Hook into the modules."""
        every = [(name, m) for name, m in run.model.named_modules() if name]
        watched = [
            (name, m) for name, m in every if any(fnmatchcase(name, q) for q in self.patterns)
        ]
        if not watched:
            raise ValueError(
                f"no module is called {' or '.join(self.patterns)}: there are "
                f"{', '.join(name for name, _ in every) or 'none'}"
            )
        for name, module in watched:
            self._remove.append(module.register_forward_hook(self._hook(name)))

    def _hook(self, name: str) -> Callable[[Any, Any, Any], None]:
        def look(module: Any, inputs: Any, output: Any) -> None:
            if not module.training or not output.size:
                return
            y = output.data
            axes = tuple(i for i in range(y.ndim) if i != self.channel_axis % y.ndim)
            low, high = y.min(axis=axes), y.max(axis=axes)
            if name in self._range:
                low = np.minimum(low, self._range[name][0])
                high = np.maximum(high, self._range[name][1])
            self._range[name] = low, high

        return look

    def on_epoch(self, run: Run, row: dict[str, Any]) -> None:
        """Record."""
        shares = {name: float((low == high).mean()) for name, (low, high) in self._range.items()}
        self.add(run, shares)
        for name, (low, high) in self._range.items():
            if shares[name] > self.worst:
                which = np.flatnonzero(low == high)
                run.warn(
                    f"{len(which)} of {low.size} units of {name} gave the same output throughout "
                    f"epoch {run.epoch} (the first: unit {which[0]}, {low[which[0]]:.4g}); try a "
                    "smaller learning rate, another initialisation, or an activation that does "
                    "not saturate",
                    once=f"dead {name}",
                )
        self._range = {}

    def on_end(self, run: Run) -> None:
        """Unhook."""
        for remove in self._remove:
            remove()
        self._remove = []

    def state_dict(self) -> dict[str, Any]:
        """The outputs' ranges in the epoch so far."""
        return {"range": dict(self._range)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        self._range = dict(state_dict["range"])
