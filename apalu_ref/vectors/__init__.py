"""Golden test vectors: inputs and exact results that any language can read.

:func:`load` reads the file the package ships, or another; :func:`regenerate` makes its contents
anew from the oracle; :func:`differences` tells two documents apart; :func:`dumps` and :func:`tsv`
write one. The page on the vectors says what the fields mean and how a consumer uses them.
"""

from apalu_ref.vectors.document import (
    PATH,
    Difference,
    VectorsError,
    differences,
    dumps,
    load,
    tsv,
)
from apalu_ref.vectors.generate import regenerate

__all__ = [
    "PATH",
    "Difference",
    "VectorsError",
    "differences",
    "dumps",
    "load",
    "regenerate",
    "tsv",
]
