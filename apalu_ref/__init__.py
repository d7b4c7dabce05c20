"""apalu-ref: the reference for APALU, a trainable activation function.

:func:`apalu` and :func:`apalu_grad` are the function and its gradients. The parts, each
imported when it is asked for:

* :mod:`apalu_ref.formula`: the formulas, the page to read first
* :mod:`apalu_ref.oracle`: the same, correctly rounded, to check against
* :mod:`apalu_ref.fused`: the same for speed; :func:`apalu` and :func:`apalu_grad` come from here
* :mod:`apalu_ref.layer`: a layer of a network, with trainable a and b; :mod:`apalu_ref.watch`
  watches them
* :mod:`apalu_ref.datasets`: data to train on
* :mod:`apalu_ref.check`: is an implementation right, and if not, what is wrong with it
* :mod:`apalu_ref.properties`: the report card of an activation, any, and designing one
* :mod:`apalu_ref.claims`: what the paper claims of APALU, tested
* :mod:`apalu_ref.studies`: its experiments and open questions
* :mod:`apalu_ref.exercises`: exercises that grade themselves
"""

from apalu_ref.fused import apalu, apalu_grad

__version__ = "0.1.0"

__all__ = ["__version__", "apalu", "apalu_grad"]
