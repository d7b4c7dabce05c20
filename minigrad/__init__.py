"""minigrad: a small engine for automatic differentiation, to learn from and to train with.

What is here so far needs no engine: derivatives of NumPy functions by finite differences
and by the complex step (:mod:`minigrad.differences`), and the gradient check built on
them (:mod:`minigrad.gradcheck`).
"""
