"""What all optimisers share: parameter groups, state, and the walk over the parameters.

A subclass says which state arrays it needs (``buffers``) and how one stretch of numbers is
updated (``update``), on flat arrays and in place. How the numbers come in stretches is the
business of :mod:`minigrad.optim.chunks`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor
from minigrad.engine import changed
from minigrad.optim.chunks import Plan, working_type

Array = NDArray[Any]
Params = Iterable[Tensor] | Iterable[dict[str, Any]]

# What a group may hold besides the optimiser's own settings.
_EXTRA = {"params", "name", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}


class Optimizer:
    """The base of all optimisers; see :class:`~minigrad.optim.SGD` for one to use.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them: dicts with ``"params"`` and settings of their own.
    defaults : dict
        The settings of groups that do not give theirs.

    Raises
    ------
    ValueError
        If there are no parameters, one is given twice, or a setting is out of range.
    TypeError
        If something else than Tensors is given.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor) or hasattr(params, "parameters"):
            raise TypeError(
                f"an iterable of parameters is needed, not a {type(params).__name__}: pass "
                "model.parameters(), or [tensor]"
            )
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        """The groups: dicts of ``"params"`` (a list of Tensors) and settings, free to change."""
        self.state: dict[Tensor, dict[str, Any]] = {}
        """For each parameter that has been updated: its number of steps and its arrays."""
        self._plans: list[Plan | None] = []
        given: list[Any] = list(params)
        if not given:
            raise ValueError(
                f"{type(self).__name__} was given no parameters: does the model register its "
                "parameters as attributes, and was the generator used up before?"
            )
        if not isinstance(given[0], dict):
            given = [{"params": given}]
        for group in given:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        # A plan holds views of the parameters' memory, which a copy would turn into arrays.
        return {**self.__dict__, "_plans": [None] * len(self._plans)}

    def __repr__(self) -> str:
        groups = []
        for group in self.param_groups:
            settings = ", ".join(f"{k}={v!r}" for k, v in group.items() if k != "params")
            groups.append(f"{len(group['params'])} parameters: {settings}")
        return f"{type(self).__name__}({'; '.join(groups)})"

    # -- what a subclass defines

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise a ValueError if a setting is out of range."""

    def buffers(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the state arrays that a parameter of this group needs."""
        raise NotImplementedError

    def update(
        self,
        group: Mapping[str, Any],
        step: int,
        fresh: bool,
        p: Array,
        g: Array,
        state: tuple[Array, ...],
        scratch: Array,
    ) -> None:
        """Update one stretch of parameters in place.

        Parameters
        ----------
        group : dict
            The settings.
        step : int
            Which update of these parameters this is, from 1.
        fresh : bool
            Whether the state arrays were made just now, and are zero.
        p, g : ndarray, 1-D
            Parameters, to be changed, and their gradients, not to be changed.
        state : tuple of ndarray, 1-D
            The arrays that ``buffers`` names, to be changed.
        scratch : ndarray, shape (2, p.size)
            Memory to work in.
        """
        raise NotImplementedError

    # -- what a user calls

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own.

        Parameters
        ----------
        param_group : dict
            ``"params"`` (a Tensor or an iterable of them) and any of the settings.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError('a parameter group is a dict with "params" and settings')
        group = dict(param_group)
        params = group["params"]
        group["params"] = [params] if isinstance(params, Tensor) else list(params)
        for key in group:
            if key not in self.defaults and key not in _EXTRA:
                near = difflib.get_close_matches(key, self.defaults, 1)
                raise ValueError(
                    f"{type(self).__name__} has no setting {key!r}"
                    + (f": did you mean {near[0]!r}?" if near else f": it has {[*self.defaults]}")
                )
        seen = {id(p) for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(group["params"]):
            if not isinstance(p, Tensor):
                hint = ": pass model.parameters()" if isinstance(p, (tuple, str)) else ""
                raise TypeError(f"parameter {i} is a {type(p).__name__}, not a Tensor{hint}")
            if not p.is_leaf:
                raise ValueError(
                    f"parameter {i} (shape {p.shape}) was computed from others: optimise what it "
                    "was computed from, or a .detach()ed copy with requires_grad=True"
                )
            if id(p) in seen:
                raise ValueError(f"parameter {i} (shape {p.shape}) is given twice")
            seen.add(id(p))
        for key, value in self.defaults.items():
            group.setdefault(key, value)
        self.check(group)
        self.param_groups.append(group)
        self._plans.append(None)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; with ``set_to_none=False``, overwrite them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.data[...] = 0

    def step(self) -> None:
        """Update every parameter that has a gradient, in its own memory."""
        for index, group in enumerate(self.param_groups):
            params = group["params"]
            grads = [p.grad for p in params]
            mask = [g is not None for g in grads]
            if not all(mask):
                params = [p for p, g in zip(params, grads, strict=True) if g is not None]
                grads = [g for g in grads if g is not None]
            if not params:
                continue
            plan = self._plans[index]
            data = [p.data for p in params]
            names = self.buffers(group)
            if (
                plan is None
                or plan.mask != mask
                or plan.names != names
                or not all(map(is_, plan.data, data))
            ):
                plan = self._plans[index] = Plan(params, mask, names, self.state)
            plan.run(self.update, group, [g.data for g in grads])
            for p in params:
                changed(p)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on exactly: arrays and plain values, in copies.

        Returns
        -------
        dict
            ``"state"``: for each parameter's number, its arrays; ``"param_groups"``: the
            settings, with the parameters' numbers under ``"params"``. Parameters are
            numbered in the order in which they were given.
        """
        numbers: dict[int, int] = {}
        for group in self.param_groups:
            for p in group["params"]:
                numbers[id(p)] = len(numbers)
        state = {
            numbers[id(p)]: {
                key: value.copy() if isinstance(value, np.ndarray) else value
                for key, value in values.items()
            }
            for p, values in self.state.items()
        }
        groups = [
            {**group, "params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the state and the settings that ``state_dict`` returned.

        Raises
        ------
        ValueError
            If it does not fit: another number of groups or parameters, or other shapes.
        """
        saved = state_dict["param_groups"]
        counts = [len(g["params"]) for g in saved]
        own = [len(g["params"]) for g in self.param_groups]
        if counts != own:
            raise ValueError(
                f"the saved state has groups of {counts} parameters, this optimiser of {own}"
            )
        for theirs, ours in zip(saved, self.param_groups, strict=True):
            if missing := set(self.defaults) - set(theirs):
                raise ValueError(
                    f"the saved state has no {', '.join(sorted(missing))}: it is not that of "
                    f"{type(self).__name__}"
                )
            self.check({**theirs, "params": ours["params"]})
        params = [p for group in self.param_groups for p in group["params"]]
        state: dict[Tensor, dict[str, Any]] = {}
        for number, values in state_dict["state"].items():
            p = params[int(number)]
            state[p] = {}
            for key, value in values.items():
                if isinstance(value, np.ndarray):
                    if value.shape != p.shape:
                        raise ValueError(
                            f"the saved {key} of parameter {number} has shape {value.shape}, "
                            f"the parameter {p.shape}"
                        )
                    value = np.array(value, working_type(p.dtype), order="C")
                state[p][key] = value
        for theirs, ours in zip(saved, self.param_groups, strict=True):
            ours.update({k: v for k, v in theirs.items() if k != "params"})
        self.state = state
        self._plans = [None] * len(self.param_groups)


def check_not_negative(group: Mapping[str, Any], *names: str) -> None:
    """Raise a ValueError if one of these settings is negative or no number."""
    for name in names:
        if not group[name] >= 0:
            raise ValueError(f"{name} must be 0 or more, not {group[name]}")
