"""Sequential and ModuleList: modules that hold modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from minigrad.nn.module import Module

Self = TypeVar("Self", bound="_Modules")


class _Modules(Module):
    """Modules in a row, under the names '0', '1', … if they are given none."""

    def __init__(self, named: Iterable[tuple[str, Module]]) -> None:
        super().__init__()
        for name, module in named:
            self.add_module(name, module)

    def __iter__(self) -> Iterator[Any]:
        return iter([v for v in vars(self).values() if isinstance(v, Module)])

    def __len__(self) -> int:
        return sum(isinstance(v, Module) for v in vars(self).values())

    def append(self: Self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self


class Sequential(_Modules):
    """Modules one after another: the output of each is the input of the next.

    Parameters
    ----------
    *modules : Module, or one mapping of names to Modules
        Without names they are called '0', '1', …

    Examples
    --------
    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            super().__init__(modules[0].items())
        else:
            super().__init__((str(i), m) for i, m in enumerate(modules))  # type: ignore[misc]

    def forward(self, x: Any) -> Any:
        """The last module's output."""
        for module in self:
            x = module(x)
        return x

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            named = [(k, v) for k, v in vars(self).items() if isinstance(v, Module)]
            return Sequential(dict(named[index]))
        return list(self)[index]


class ModuleList(_Modules):
    """A list of modules whose parameters are found, as those in a plain list are not.

    Parameters
    ----------
    modules : iterable of Module
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__((str(i), m) for i, m in enumerate(modules))

    def forward(self, *inputs: Any) -> Any:
        """Not defined: the module that holds the list goes through it in its own forward."""
        raise NotImplementedError("a ModuleList is not called: loop over its modules")

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return ModuleList(list(self)[index])
        return list(self)[index]
