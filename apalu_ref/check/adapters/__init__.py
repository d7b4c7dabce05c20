"""Adapters: one way of calling a subject, whatever it is written in; and which one fits.

================  ====================================================================
``numpy``         an object with forward and backward on arrays, or a function
``torch``         a function of tensors, an ``autograd.Function``, an ``nn.Module`` class
``jax``           a function of arrays
``autograd``      a function of arrays (HIPS autograd)
``minigrad``      a function of Tensors, a Function, a Module
``exec``          a program that reads a request file and writes an answer file
``answers``       a folder of answer files
================  ====================================================================
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import shlex
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from apalu_ref.check.adapters.base import Adapter, Options
from apalu_ref.check.subject import SubjectError, Target, is_file, load, split_name

_CLASSES = {
    "numpy": ("arrays", "NumPy"),
    "torch": ("torch", "Torch"),
    "jax": ("jax", "Jax"),
    "autograd": ("autograd", "Autograd"),
    "minigrad": ("engine", "Minigrad"),
    "exec": ("files", "Exec"),
    "answers": ("files", "Answers"),
}

ADAPTERS = ("auto", *_CLASSES)

FRAMEWORKS = ("torch", "jax", "autograd", "minigrad")

_FILES = ("exec", "answers")

_COMPILED = {".c", ".h", ".cc", ".cpp", ".cu", ".rs", ".go", ".java", ".js", ".mjs", ".ts", ".jl"}


def adapter_for(name: str, kind: str, options: Options, timeout: float) -> Adapter:
    """Load a subject and wrap it.

    Parameters
    ----------
    name : str
        What to check.
    kind : str
        One of ``ADAPTERS``.
    options : Options
        Names and device.
    timeout : float
        Seconds allowed to a program for one request.

    Raises
    ------
    SubjectError
        If the name names nothing, or not what the adapter takes, or a framework is missing.
    Exception
        Whatever importing the subject raises.
    """
    kind = file_kind(name) if kind == "auto" else kind
    if kind in _FILES:
        made = _class(kind)(Target(name, timeout, None), options)
        return made
    if kind in FRAMEWORKS and importlib.util.find_spec(kind) is None:
        raise SubjectError(f"the {kind} adapter needs {kind}: {install(kind)}", 3)
    if kind == "jax":
        _class(kind)  # sets 64 bits before the subject makes arrays
    target = load(name)
    return _class(kind or _recognised(target))(target, options)


def install(framework: str) -> str:
    """The command that installs a missing framework."""
    return f"pip install {framework}, or this package with its extra: apalu-ref[{framework}]"


def file_kind(name: str) -> str:
    """``"exec"`` or ``"answers"`` if a name is that of a program or folder, else ``""``."""
    path = Path(name)
    if name and path.is_dir():
        return "answers"
    source, _ = split_name(name)
    if path.suffix != ".py" and path.is_file() and os.access(path, os.X_OK):
        return "exec"
    try:
        words = shlex.split(name)
    except ValueError:
        return ""
    if path.is_file() and path.suffix in _COMPILED:
        raise SubjectError(
            f"{name} is no program yet: compile it, and name what comes out, or run it by its "
            f'interpreter: "node {name}"',
            2,
        )
    if len(words) > 1 and not Path(source).exists() and shutil.which(words[0]) is None:
        raise SubjectError(f"no such program: {words[0]}", 2)
    several = len(words) > 1 and not Path(source).exists()
    return "exec" if several and shutil.which(words[0]) is not None else ""


def _class(kind: str) -> type[Adapter]:
    module, name = _CLASSES[kind]
    found: type[Adapter] = getattr(
        importlib.import_module(f"apalu_ref.check.adapters.{module}"), name
    )
    return found


def _recognised(target: Target) -> str:
    value = target.value
    kinds = inspect.getmro(value if inspect.isclass(value) else type(value))
    roots = [k.__module__.split(".")[0] for k in kinds if k is not object]
    for framework in FRAMEWORKS:
        if framework in roots and (framework != "minigrad" or inspect.isclass(value) or
                                   hasattr(value, "named_parameters")):  # fmt: skip
            return framework
    if any(root in ("jaxlib", "pjit") for root in roots):
        return "jax"
    if all(callable(getattr(value, key, None)) for key in ("forward", "backward")):
        return "numpy"
    if not callable(value) or inspect.isclass(value):
        return "numpy"  # which says what it expected
    used = [name for name in FRAMEWORKS if name in _roots_of(value, target)]
    if len(used) > 1:
        fitting = [name for name in used if _works_with(value, name)]
        if len(fitting) != 1:
            raise SubjectError(
                f"{target.name} uses {' and '.join(used)}: say which with --adapter", 2
            )
        return fitting[0]
    if used == ["minigrad"] and not _works_with(value, "minigrad"):
        return "numpy"
    return used[0] if used else "numpy"


def _roots_of(value: Any, target: Target) -> set[str]:
    """The packages that a function's module has imported names from."""
    function = inspect.unwrap(value)
    names = dict(vars(target.module)) if target.module is not None else {}
    names.update(getattr(function, "__globals__", {}))
    found = set()
    for item in names.values():
        module = item.__name__ if isinstance(item, types.ModuleType) else getattr(
            item, "__module__", "")  # fmt: skip
        found.add(str(module).split(".")[0])
    return found


def _works_with(function: Any, framework: str) -> bool:
    """Whether a first call with this framework's arrays returns one of them."""
    values = [np.array([-1.0, 0.5]), np.array(1.5), np.array(0.5)]
    module = sys.modules.get(framework) or importlib.import_module(framework)
    if framework == "jax":
        make, kind = module.numpy.asarray, module.Array
    elif framework == "autograd":
        return False  # its arrays are NumPy's
    else:
        make, kind = getattr(module, "from_numpy", module.tensor), module.Tensor
    try:
        return isinstance(function(*map(make, values)), kind)
    except Exception:  # whatever a function does with arrays it is not made for
        return False


__all__ = ["ADAPTERS", "FRAMEWORKS", "Adapter", "Options", "adapter_for", "file_kind", "is_file"]
