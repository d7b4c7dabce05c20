"""The same activations in PyTorch and JAX, where they are installed.

APALU is composed of their functions the usual way, and left as it is, or compiled. The others are
those of ``torch.nn.functional``. Gradients are those of automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apalu_ref.bench import peers
from apalu_ref.bench.cases import Case
from apalu_ref.bench.timing import Task

Tasks = dict[str, Task]


class Unavailable(Exception):
    """Something cannot be timed here; the message says why."""


def _needed(name: str) -> None:
    if not peers.installed(name):
        raise Unavailable("not installed")


def torch_tasks(activation: str, case: Case) -> Tasks:
    """An activation in PyTorch, eager.

    Raises
    ------
    Unavailable
        If PyTorch is not installed, or has no such thing.
    """
    _needed("torch")
    torch = peers.torch_module(case.threads)
    F = torch.nn.functional
    given = [torch.from_numpy(p) for p in case.parameters]
    if activation == "prelu":
        if case.shared == "element":
            raise Unavailable("its prelu has a weight a channel, not an element")
        given = [p.reshape(-1) for p in given]
    functions: dict[str, Callable[..., Any]] = {
        "apalu": lambda x, a, b: peers.torch_formula(torch, x, a, b),
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "gelu_erf": F.gelu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }
    function = functions.get(activation) or getattr(F, activation)
    return _recorded(torch, function, case, given)


def compiled_tasks(activation: str, case: Case) -> Tasks:
    """APALU composed in PyTorch and given to ``torch.compile``.

    Raises
    ------
    Unavailable
        If PyTorch is not installed.
    """
    _needed("torch")
    torch = peers.torch_module(case.threads)
    # Else the eighth shape would be left uncompiled, without a word.
    torch.compiler.reset()
    function = torch.compile(lambda x, a, b: peers.torch_formula(torch, x, a, b), dynamic=False)
    return _recorded(torch, function, case, [torch.from_numpy(p) for p in case.parameters])


def _recorded(torch: Any, function: Callable[..., Any], case: Case, given: list[Any]) -> Tasks:
    """Forward without a record; backward from a record made before; and both."""
    x, gy = torch.from_numpy(case.x), torch.from_numpy(case.gy)
    leaves = [t.detach().requires_grad_() for t in (x, *given)]

    def backward(y: Any) -> Any:
        return torch.autograd.grad(y, leaves, gy)

    return {
        "forward": Task(lambda: function(x, *given)),
        "backward": Task(backward, lambda: function(*leaves)),
        "both": Task(lambda: backward(function(*leaves))),
    }


def jax_tasks(activation: str, case: Case) -> Tasks:
    """APALU composed in JAX and given to ``jax.jit``; it takes as many threads as it likes.

    Backward starts from x, as ours does: what of the forward pass is not needed, XLA leaves out.

    Raises
    ------
    Unavailable
        If JAX is not installed.
    """
    _needed("jax")
    jax = peers.package("jax")
    jnp = peers.package("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    def formula(x: Any, a: Any, b: Any) -> Any:
        right = a * x * (1 + jax.nn.sigmoid(peers.KAPPA * x))
        return jnp.where(x >= 0, right, b * jnp.expm1(jnp.minimum(x, 0)))

    def pulled(gy: Any, *given: Any) -> Any:
        y, pull = jax.vjp(formula, *given)
        return y, pull(gy)

    given = [jnp.asarray(v) for v in (case.x, *case.parameters)]
    gy = jnp.asarray(case.gy)
    forward, both = jax.jit(formula), jax.jit(pulled)
    backward = jax.jit(lambda gy, *given: pulled(gy, *given)[1])
    wait = jax.block_until_ready
    return {
        "forward": Task(lambda: wait(forward(*given))),
        "backward": Task(lambda: wait(backward(gy, *given))),
        "both": Task(lambda: wait(both(gy, *given))),
    }
