"""Keep the memory that one training step frees for the next one.

A step allocates some megabytes of temporary arrays and frees them again. The GNU C library
returns freed memory of that size to the system, which hands it out afresh, page by page and
cleared, in the next step: measured, that is a third to a half of the time of a small
convolutional network's step. The library learns, however: when a large block has been freed,
blocks up to its size (32 MiB at most) are kept for reuse, and so is twice as much at the end of
the heap. So one block is asked for and given back, without being touched.

With other C libraries this does nothing.
"""

from __future__ import annotations

import numpy as np

# The largest the library learns from, less what it adds of its own.
_LARGEST = (1 << 25) - (1 << 16)


def keep_freed() -> None:
    """Have freed blocks of up to 32 MiB kept by the process."""
    np.empty(_LARGEST, np.uint8)
