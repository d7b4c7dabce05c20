"""APALU for PyTorch and JAX, to take along to where networks are trained at scale.

* :mod:`apalu_ref.ports.torch`: a function, its ``autograd.Function`` and an ``nn.Module``;
  needs the extra ``torch``.
* :mod:`apalu_ref.ports.jax`: a function with a custom gradient; needs the extra ``jax``.

Each is one file that imports nothing but its framework, and may be copied as it is. They are
held to the accuracy that the check kit asks of any port. Importing this package imports no
framework.
"""
