"""Places for the nodes of a small graph: in layers, the inputs above what is computed from them.

A node stands below its deepest input; an edge that passes layers on its way has a bend in each,
and bends take part in the ordering like nodes, so that edges go around nodes and not through
them. Within a layer everything is moved towards the mean of its neighbours (the barycentre
method of Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11, 1981), first in order, then in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_SWEEPS = 12
_BEND = 0.35  # the room a bend needs, in units of a node's


class Layout:
    """Where to draw nodes 0 ... n - 1 (inputs first) and the edges between them.

    Attributes
    ----------
    places : list of (x, y)
        Of each node; y is the number of its layer, counted from the top.
    paths : list of list of (x, y)
        Of each edge: from its source through its bends to its target. Equal edges run beside
        each other.
    size : (width, height)
    """

    def __init__(self, n: int, edges: Sequence[tuple[int, int]]) -> None:
        self._depth = self._layers_of(n, edges)
        self._rows: list[list[int]] = [[] for _ in range(max(self._depth) + 1)]
        for i in range(n):
            self._rows[self._depth[i]].append(i)
        self._n = n
        self._above: list[list[int]] = [[] for _ in range(n)]
        self._below: list[list[int]] = [[] for _ in range(n)]
        routes = [self._route(a, b) for a, b in edges]
        self._order()
        self._x = self._place()
        self.places = [(self._x[i], float(self._depth[i])) for i in range(n)]
        self.paths = [
            [(self._x[i] + shift, float(self._depth[i])) for i in route]
            for route, shift in zip(routes, _beside(edges), strict=True)
        ]
        self.size = (max(self._x), float(len(self._rows) - 1))

    @staticmethod
    def _layers_of(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
        depth = [0] * n
        for a, b in sorted(edges, key=lambda edge: edge[1]):
            depth[b] = max(depth[b], depth[a] + 1)
        # An input stands right above the first that uses it.
        computed = {b for _, b in edges}
        for i in range(n):
            uses = [depth[b] for a, b in edges if a == i]
            if i not in computed and uses:
                depth[i] = min(uses) - 1
        return depth

    def _route(self, a: int, b: int) -> list[int]:
        """The nodes of an edge: its ends and a new bend in each layer between."""
        route = [a]
        for layer in range(self._depth[a] + 1, self._depth[b]):
            bend = len(self._depth)
            self._depth.append(layer)
            self._rows[layer].append(bend)
            self._above.append([])
            self._below.append([])
            route.append(bend)
        route.append(b)
        for upper, lower in pairwise(route):
            self._below[upper].append(lower)
            self._above[lower].append(upper)
        return route

    def _order(self) -> None:
        at = {i: k for row in self._rows for k, i in enumerate(row)}
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            near = self._above if down else self._below
            for row in self._rows if down else self._rows[::-1]:
                row.sort(key=lambda i: _mean([at[j] for j in near[i]], at[i]))
                at.update({i: k for k, i in enumerate(row)})

    def _place(self) -> list[float]:
        x = [0.0] * len(self._depth)
        for row in self._rows:
            for k, i in enumerate(row):
                x[i] = k - (len(row) - 1) / 2
        for sweep in range(_SWEEPS):
            for row in self._rows if sweep % 2 == 0 else self._rows[::-1]:
                wish = [_mean([x[j] for j in self._near(i)], x[i]) for i in row]
                for k, i in enumerate(row):
                    x[i] = wish[k] if k == 0 else max(wish[k], x[row[k - 1]] + self._gap(row, k))
                apart = {i: w - x[i] for w, i in zip(wish, row, strict=True)}
                shift = _mean(
                    [apart[i] for i in row if self._above[i]], _mean([*apart.values()], 0)
                )
                for i in row:
                    x[i] += shift
        left = min(x)
        return [value - left for value in x]

    def _near(self, i: int) -> list[int]:
        """The neighbours a node wants to be close to: parameters follow, they do not lead."""
        computed = [j for j in self._above[i] if self._above[j]]
        return (computed or self._above[i]) + self._below[i]

    def _gap(self, row: list[int], k: int) -> float:
        """The room between two neighbours, half of each one's own."""
        return sum(0.5 if i < self._n else _BEND / 2 for i in row[k - 1 : k + 1])


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _beside(edges: Sequence[tuple[int, int]]) -> list[float]:
    """How far each edge is moved aside for those between the same two nodes."""
    met: dict[tuple[int, int], int] = {}
    shifts = []
    for edge in edges:
        k = met[edge] = met.get(edge, -1) + 1
        shifts.append(0.12 * (k - (edges.count(edge) - 1) / 2))
    return shifts
