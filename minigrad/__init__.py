"""minigrad: derivatives of NumPy functions, to learn from and to check others with.

By finite differences and by the complex step (:mod:`minigrad.differences`), with the
gradient check built on them (:mod:`minigrad.gradcheck`). An engine for automatic
differentiation is to follow.
"""
