"""Steps 6 and 8: the calls of ``in_place``, block by block, in one thread or in several.

``memory`` has five rows as long as a block for each thread: threads × 5 × length.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from fast_steps import in_place

POOL = ThreadPoolExecutor(2)


def one_by_one(work, parts, memory):
    return [work(part, memory[0]) for part in parts]


def in_threads(work, parts, memory):
    """The same list; thread k does parts k, k + threads, k + 2 threads, ..."""
    done = [None] * len(parts)

    def share(k):
        for i in range(k, len(parts), len(memory)):
            done[i] = work(parts[i], memory[k])

    list(POOL.map(share, range(len(memory))))
    return done


def run(x, a, b, gy, y, dx, memory, each=one_by_one):
    """Write to y and dx; return them and the gradients of a and b."""
    length = memory.shape[-1]
    parts = [slice(start, start + length) for start in range(0, x.size, length)]

    def forward(part, rows):
        in_place.forward(x[part], a, b, y[part], rows[:, : x[part].size])

    def backward(part, rows):
        rows = rows[:, : x[part].size]
        terms = in_place.backward(x[part], a, b, gy[part], dx[part], rows)
        return [t.sum(dtype=np.float64) for t in terms]

    each(forward, parts, memory)
    sums = each(backward, parts, memory)
    return y, dx, *np.add.reduce(sums, axis=0)
