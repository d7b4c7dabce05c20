"""How to go through arrays in blocks: which axes, cut where, in which order.

The arrays of one call are seen as tables of the same few axes: axes of length 1 are left out, the
others are put in the order in which x lies in memory, and neighbours that every array steps through
evenly are one. A float32 batch of images (N, C, H, W) with one parameter a channel becomes
(N, C, H·W); with one for all, a single axis, whatever its axes were.

A *block* is a box of that table. A *cell* is a range of parameters: the blocks of a cell add to the
same sums. The blocks of a cell are dealt out to one or more *pieces*, which are what threads take.
Cells follow each other such that those that add to the same part of a sum come in a row, as far as
this can be had for all sums at once. All of this depends on shapes and strides only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

BLOCK_BYTES = 1 << 19
"""Bytes of a block: threads wait for each other with small ones; a core's cache ends the gain."""

# Elements of a parameter in a cell: their sums, in float64, stay in the cache with the block.
_CELL = 1 << 15

# So many pieces, if there are blocks enough: more would be more sums to keep and to add.
_PIECES = 64

# What the sums of all pieces may take together.
_SUMS_BYTES = 1 << 22

Box = tuple[slice, ...]


class Plan(NamedTuple):
    """How to go through the arrays of one call."""

    axes: tuple[int, ...]  # the order of the axes
    groups: tuple[tuple[int, ...], ...]  # those that are one in the table
    table: tuple[int, ...]  # its lengths
    block: tuple[int, ...]  # lengths of a block
    cut: tuple[int, ...]  # axes of the table along which there are several cells, outermost first
    segments: int  # pieces in a cell
    pieces: int  # in all cells
    in_turn: bool  # whether sums are so unlike each other that one thread has to add them up


@lru_cache(maxsize=512)
def plan(
    shape: tuple[int, ...],
    strides: tuple[tuple[int, ...], ...],
    summed: tuple[bool, ...],
    itemsize: int,
) -> Plan:
    """Plan a way through arrays of a common shape.

    Parameters
    ----------
    shape : tuple of int
        The shape to which all are broadcast, without zeros.
    strides : tuple of tuple of int
        Of each array broadcast to it: 0 along the axes on which it is repeated. The first is the
        one whose order in memory counts most.
    summed : tuple of bool
        For each array, whether a sum of its shape is formed.
    itemsize : int
        Bytes of an element in the type computed in.
    """
    axes = [i for i, n in enumerate(shape) if n != 1]
    axes.sort(key=lambda i: tuple(-abs(s[i]) for s in strides))
    rest = tuple(i for i, n in enumerate(shape) if n == 1)
    lengths: list[int] = []
    steps: list[tuple[int, ...]] = []
    groups: list[tuple[int, ...]] = []
    for i in axes:
        step = tuple(s[i] for s in strides)
        if steps and all(o == shape[i] * n for o, n in zip(steps[-1], step, strict=True)):
            lengths[-1] *= shape[i]
            steps[-1] = step
            groups[-1] += (i,)
        else:
            lengths.append(shape[i])
            steps.append(step)
            groups.append((i,))
    if not lengths:
        lengths, steps, groups = [1], [(0,) * len(strides)], [()]
    owned = [tuple(int(step[k] != 0) for step in steps) for k, sums in enumerate(summed) if sums]
    cells = tuple(int(any(o)) for o in zip(*owned, strict=True)) if owned else (0,) * len(lengths)
    block = _block(lengths, cells, BLOCK_BYTES // itemsize)
    counts = [-(-n // m) for n, m in zip(lengths, block, strict=True)]
    cut = _cut([k for k, c in enumerate(counts) if cells[k] and c > 1], owned, lengths, block)
    several = math.prod(counts[k] for k in cut)
    within = math.prod(counts) // several
    parts = [math.prod(itertools.compress(block, o)) for o in owned]
    room = _SUMS_BYTES // (8 * several * max(1, sum(parts)))
    segments = max(1, min(within, -(-_PIECES // several), room))
    # A sum to which several pieces add is kept for every piece until they are added.
    alone = [segments == 1 and all(o[k] for k in cut) for o in owned]
    kept = several * segments * 8 * sum(n for n, a in zip(parts, alone, strict=True) if not a)
    return Plan(
        axes=(*rest, *axes),
        groups=tuple(groups),
        table=tuple(lengths),
        block=block,
        cut=cut,
        segments=segments,
        pieces=several * segments,
        in_turn=several > 1 and kept > _SUMS_BYTES,
    )


def _cut(
    axes: list[int], owned: list[tuple[int, ...]], lengths: list[int], block: tuple[int, ...]
) -> tuple[int, ...]:
    """The order of axes in which the parts of sums that are kept are smallest together."""

    def kept(order: tuple[int, ...]) -> int:
        total = 0
        for o in owned:
            fixed = set(itertools.takewhile(o.__getitem__, order))
            sizes = (block[k] if k in fixed else n for k, n in enumerate(lengths) if o[k])
            total += math.prod(sizes)
        return total

    return min(itertools.permutations(axes[:6]), key=kept) + tuple(axes[6:])


def _block(lengths: list[int], cells: tuple[int, ...], room: int) -> tuple[int, ...]:
    own = _CELL
    block = []
    for n, cell in zip(reversed(lengths), reversed(cells), strict=True):
        most = max(1, min(n, room, own if cell else room))
        # Pieces of the same length, but begin on whole cache lines.
        length = -(-n // -(-n // most))
        if length < n and length > 64:
            length = min(most, -(-length // 64) * 64)
        block.append(length)
        room //= length
        if cell:
            own //= length
    return tuple(reversed(block))


def pieces(plan: Plan) -> Iterator[tuple[int, Box, list[Box]]]:
    """All pieces of work: a number, the box of the cell, and the boxes of its blocks."""
    grids = [
        [slice(start, min(start + m, n)) for start in range(0, n, m)]
        for n, m in zip(plan.table, plan.block, strict=True)
    ]
    everything = [slice(0, n) for n in plan.table]
    number = 0
    for part in itertools.product(*(grids[k] for k in plan.cut)):
        chosen = dict(zip(plan.cut, part, strict=True))
        cell = tuple(chosen.get(k, every) for k, every in enumerate(everything))
        boxes = list(
            itertools.product(*([chosen[k]] if k in chosen else g for k, g in enumerate(grids)))
        )
        for s in range(plan.segments):
            first, last = (len(boxes) * t // plan.segments for t in (s, s + 1))
            yield number, cell, boxes[first:last]
            number += 1
