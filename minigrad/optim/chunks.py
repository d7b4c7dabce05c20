"""How an optimiser goes over its parameters: in stretches that are neither short nor long.

NumPy's cost per call dominates for small arrays, that of memory for large ones. So small
parameters are gathered into one stretch, updated together and put back; large ones are updated
where they are, block by block, so that the dozen passes of an update find their numbers in the
cache. With much to do the stretches are shared among threads. The result is the same to the
last bit, for every element is updated by itself.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor

Array = NDArray[Any]
Update = Callable[..., None]

_SMALL = 1 << 14  # elements: parameters up to this size are gathered
_BLOCK = 1 << 16  # elements a stretch
_THREADED = 1 << 19  # elements from which threads pay
# Threads hand Python's lock to each other between calls: theirs must be fewer and longer.
_THREADED_BLOCK = 1 << 17
_MOST_THREADS = 4


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which parameters are updated, and of their state: float32 or wider.

    In float16 the 1e-8 of Adam would be 0, and most squares of gradients, too.
    """
    return np.result_type(dtype, np.float32)


class _Chunk:
    """One stretch: some elements of one large parameter, or all of several small ones."""

    def __init__(
        self, members: list[int], state: tuple[Array, ...], step: int, fresh: bool
    ) -> None:
        self.members = members  # which of the plan's parameters
        self.state = state
        self.step = step
        self.fresh = fresh


class _Block(_Chunk):
    """Elements ``start`` to ``stop`` of a large parameter, updated where they are."""

    def __init__(self, p: Array, start: int, stop: int, *rest: Any) -> None:
        super().__init__(*rest)
        self.start, self.stop = start, stop
        self.p = p[start:stop]

    def run(
        self, update: Update, group: Mapping[str, Any], grads: list[Array], scratch: Array
    ) -> None:
        g = grads[self.members[0]][self.start : self.stop]
        self.step += 1
        update(group, self.step, self.fresh, self.p, g, self.state, scratch[:, : self.p.size])
        self.fresh = False


class _Pack(_Chunk):
    """Small parameters, or one that is not contiguous or too narrow: gathered, and put back."""

    def __init__(self, data: list[Array], *rest: Any) -> None:
        super().__init__(*rest)
        size = sum(d.size for d in data)
        self.p, self.g = np.empty((2, size), working_type(data[0].dtype))
        self.data = data
        ends = np.cumsum([d.size for d in data]).tolist()
        self.parts = [
            self.p[end - d.size : end].reshape(d.shape) for d, end in zip(data, ends, strict=True)
        ]

    def run(
        self, update: Update, group: Mapping[str, Any], grads: list[Array], scratch: Array
    ) -> None:
        np.concatenate(self.data, axis=None, out=self.p)
        np.concatenate([grads[i] for i in self.members], axis=None, out=self.g, casting="same_kind")
        self.step += 1
        update(group, self.step, self.fresh, self.p, self.g, self.state, scratch[:, : self.p.size])
        self.fresh = False
        for d, part in zip(self.data, self.parts, strict=True):
            d[...] = part


class Plan:
    """The stretches for the parameters of a group that have gradients.

    Good for as long as the same parameters have gradients, in the same memory.

    Parameters
    ----------
    params : list of Tensor
        Those that have a gradient.
    mask : list of bool
        For all parameters of the group, whether they have one.
    names : tuple of str
        The state arrays they need.
    state : dict
        Of each parameter: ``"step"`` and arrays. What is missing is added; arrays are replaced
        by views of the stretches' memory.
    """

    def __init__(
        self,
        params: list[Tensor],
        mask: list[bool],
        names: tuple[str, ...],
        state: dict[Tensor, dict[str, Any]],
    ) -> None:
        self.mask = mask
        self.names = names
        self.data = [p.data for p in params]
        self.states = [state.setdefault(p, {"step": 0}) for p in params]
        threaded = (os.cpu_count() or 1) > 1 and sum(p.size for p in params) >= _THREADED
        self.block = _THREADED_BLOCK if threaded else _BLOCK
        chunks: list[_Block | _Pack] = []
        packs: dict[Any, list[int]] = {}
        self.large: list[int] = []  # updated block by block
        for i, (p, own) in enumerate(zip(params, self.states, strict=True)):
            if not p.data.flags.writeable:
                raise ValueError(
                    f"a parameter (shape {p.shape}) is in read-only memory and cannot be "
                    "updated: set its .data to a copy"
                )
            in_place = p.data.flags.c_contiguous and p.dtype == working_type(p.dtype)
            if p.size > _SMALL and in_place:
                self.large.append(i)
                chunks += self._blocks(i, own)
                continue
            # Members of a pack are updated by one call, so they must be at the same step.
            alike = (p.dtype, own["step"], all(name in own for name in names))
            pack = packs.setdefault(alike, [])
            if pack and sum(self.data[j].size for j in pack) + p.size > self.block:
                chunks.append(self._pack(pack))
                packs[alike] = pack = []
            pack.append(i)
        chunks += [self._pack(pack) for pack in packs.values()]
        threads = min(len(chunks), os.cpu_count() or 1, _MOST_THREADS) if threaded else 1
        longest = max(c.p.size for c in chunks)
        self.shares: list[Sequence[_Block | _Pack]] = [chunks[i::threads] for i in range(threads)]
        self.scratch = [
            {d: np.empty((2, longest), d) for d in {c.p.dtype for c in chunks}}
            for _ in range(threads)
        ]

    def _blocks(self, i: int, own: dict[str, Any]) -> list[_Block]:
        data = self.data[i]
        fresh = not all(name in own for name in self.names)
        for name in self.names:
            if name not in own:
                own[name] = np.zeros(data.shape, data.dtype)
        flat = [own[name].reshape(-1) for name in self.names]
        # Equal blocks: a short last one would cost as many calls as a long one.
        edges = np.linspace(0, data.size, -(-data.size // self.block) + 1).astype(int).tolist()
        return [
            _Block(
                data.reshape(-1), lo, hi, [i], tuple([f[lo:hi] for f in flat]), own["step"], fresh
            )
            for lo, hi in itertools.pairwise(edges)
        ]

    def _pack(self, members: list[int]) -> _Pack:
        data = [self.data[i] for i in members]
        states = [self.states[i] for i in members]
        fresh = not all(name in states[0] for name in self.names)
        arrays = []
        for name in self.names:
            old = [
                own.get(name, np.zeros(d.shape, working_type(d.dtype)))
                for d, own in zip(data, states, strict=True)
            ]
            arrays.append(np.concatenate(old, axis=None))
            end = 0
            for d, own in zip(data, states, strict=True):
                own[name] = arrays[-1][end : end + d.size].reshape(d.shape)
                end += d.size
        return _Pack(data, members, tuple(arrays), states[0]["step"], fresh)

    def run(self, update: Update, group: Mapping[str, Any], grads: list[Array]) -> None:
        """Update everything once."""
        for own in self.states:
            own["step"] += 1
        for i in self.large:
            grads[i] = grads[i].reshape(-1)

        def work(share: int) -> None:
            scratch = self.scratch[share]
            for chunk in self.shares[share]:
                chunk.run(update, group, grads, scratch[chunk.p.dtype])

        others = [_pool().submit(work, i) for i in range(1, len(self.shares))]
        work(0)
        for other in others:
            other.result()


_threads: list[ThreadPoolExecutor] = []


def _pool() -> ThreadPoolExecutor:
    if not _threads:
        _threads.append(ThreadPoolExecutor(_MOST_THREADS - 1, thread_name_prefix="minigrad.optim"))
    return _threads[0]


# A forked child has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)
