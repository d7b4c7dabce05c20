"""Datasets and the loader that hands them out in batches.

A batch is fetched at once: one indexing of an array, no loop over examples. The loader's
shuffling and its transforms are functions of one number an epoch, drawn from its generator, so
that it can be put back to any batch of any epoch exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigrad import random
from minigrad.core import Tensor, plain

Array = NDArray[Any]


class Dataset(Protocol):
    """Anything with a length and examples by number.

    A subclass may also define ``batch(indices)``, which returns a tuple of arrays with one row
    for each index; without it the loader puts examples together one by one.
    """

    def __len__(self) -> int:
        """How many examples there are."""
        ...

    def __getitem__(self, index: int) -> Any:
        """One example: a tuple, such as input and label."""
        ...


class TensorDataset:
    """Arrays whose first axes run over the same examples, such as inputs and labels.

    Parameters
    ----------
    *tensors : Tensor or array_like
        Shared, not copied. At least one, all of the same length.

    Examples
    --------
    >>> dataset = TensorDataset(np.zeros((10, 3)), np.arange(10))
    >>> len(dataset)
    10
    >>> dataset[4]
    (array([0., 0., 0.]), np.int64(4))
    """

    def __init__(self, *tensors: ArrayLike | Tensor) -> None:
        self.tensors: tuple[Array, ...] = tuple(np.asarray(plain(t)) for t in tensors)
        if not self.tensors or not all(t.ndim for t in self.tensors):
            raise ValueError("a dataset needs one array or more, each with an axis of examples")
        if len({len(t) for t in self.tensors}) != 1:
            raise ValueError(
                "the arrays must have as many examples, one as the other, not "
                f"{', '.join(str(len(t)) for t in self.tensors)}"
            )

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple([t[index] for t in self.tensors])

    def batch(self, indices: Array | slice) -> tuple[Array, ...]:
        """The rows of these indices."""
        return tuple([t[indices] for t in self.tensors])


class Subset:
    """Some examples of a dataset.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    indices : sequence of int
        Which of its examples.
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | Array) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.intp)
        if self.indices.size and not 0 <= self.indices.min() <= self.indices.max() < len(dataset):
            raise IndexError(f"the indices must be from 0 to {len(dataset) - 1}")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Array | slice) -> tuple[Array, ...]:
        """The rows of these indices."""
        return _fetch(self.dataset, self.indices[indices])


def random_split(
    dataset: Dataset,
    lengths: Sequence[int | float],
    generator: np.random.Generator | int | None = None,
) -> list[Subset]:
    """Divide a dataset at random into parts that do not overlap.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    lengths : sequence of int or of float
        How many examples each part gets; or which share, with a sum of 1.
    generator : numpy.random.Generator or int, optional
        Source of the order, or a seed for one; default minigrad's own.

    Returns
    -------
    list of Subset

    Examples
    --------
    >>> train, test = random_split(TensorDataset(np.arange(10)), [0.8, 0.2], generator=0)
    >>> len(train), len(test)
    (8, 2)
    """
    n = len(dataset)
    counts = [int(x) for x in lengths]
    if sum(counts) != n or any(c != x for c, x in zip(counts, lengths, strict=True)):
        if abs(sum(lengths) - 1) > 1e-6 or min(lengths) < 0:
            raise ValueError(
                f"the lengths must have the sum {n} (or 1, as shares), not {sum(lengths)}"
            )
        counts = [int(n * x) for x in lengths]
        for i in range(n - sum(counts)):  # what rounding left over goes round
            counts[i % len(counts)] += 1
    order = _generator(generator).permutation(n)
    ends = np.cumsum(counts)[:-1]
    return [Subset(dataset, part) for part in np.split(order, ends)]


class DataLoader:
    """Batches of a dataset, an epoch each time it is iterated over.

    Parameters
    ----------
    dataset : Dataset
        With tuples of arrays as examples.
    batch_size : int
        How many examples a batch has; the last one may have fewer.
    shuffle : bool
        Whether each epoch has an order of its own.
    drop_last : bool
        Leave out a last batch with fewer examples.
    generator : numpy.random.Generator or int, optional
        Source of the orders and of what transforms draw, or a seed for one; default minigrad's
        own, which :func:`minigrad.manual_seed` sets.
    transform : callable, optional
        ``transform(inputs, rng)``, applied to the first array of each batch: see
        :mod:`minigrad.transforms`.
    dtype : floating dtype or None
        What floating arrays are converted to; None leaves them as they are.

    Notes
    -----
    A batch is a tuple: floating arrays as Tensors, others (labels) as plain arrays. Without
    shuffling it shares the dataset's memory.

    Examples
    --------
    >>> data = TensorDataset(np.linspace(0, 1, 5), np.array([0, 0, 1, 1, 1]))
    >>> for x, label in DataLoader(data, batch_size=2):
    ...     print(x.dtype, x.shape, label)
    float32 (2,) [0 0]
    float32 (2,) [1 1]
    float32 (1,) [1]
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: np.random.Generator | int | None = None,
        transform: Callable[[Array, np.random.Generator], Array] | None = None,
        dtype: DTypeLike | None = np.float32,
    ) -> None:
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size must be a whole number, 1 or more, not {batch_size!r}")
        if transform is not None and not callable(transform):
            raise TypeError(
                f"a transform is called with a batch and a generator; {transform!r} cannot be "
                "called (several together are a minigrad.transforms.Compose)"
            )
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.generator = None if generator is None else _generator(generator)
        self.transform = transform
        self.dtype = None if dtype is None else np.dtype(dtype)
        self._seed: int | None = None  # the epoch's number, from which its order follows
        self._position = 0  # batches handed out in this epoch
        self._resuming = False

    def __len__(self) -> int:
        """How many batches an epoch has."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if not self._resuming:
            self._position = 0
            self._seed = None
            if self.shuffle or self.transform is not None:
                self._seed = int(_generator(self.generator).integers(2**63))
        self._resuming = False
        n, seed = len(self.dataset), self._seed
        order = np.random.default_rng(seed).permutation(n) if self.shuffle else None
        for position in range(self._position, len(self)):
            start = position * self.batch_size
            rows: Array | slice = slice(start, min(start + self.batch_size, n))
            fields = _fetch(self.dataset, rows if order is None else order[rows])
            if self.transform is not None:
                # Of this batch only, so that any batch can be made again without those before.
                # The number of the batch in the counter's upper half: drawing counts up the lower.
                stream = np.random.Philox(key=seed, counter=position << 128)
                rng = np.random.Generator(stream)
                fields = (self.transform(fields[0], rng), *fields[1:])
            self._position, self._seed = position + 1, seed
            yield tuple([self._finished(field) for field in fields])
        self._position, self._seed = 0, None

    def _finished(self, field: Array) -> Any:
        if field.dtype.kind != "f":
            return field
        return Tensor(field if self.dtype is None else field.astype(self.dtype, copy=False))

    def state_dict(self) -> dict[str, Any]:
        """Where it stands: what is needed to hand out the same batches from here on.

        The state of minigrad's own generator is not in it (:func:`minigrad.random.get_state`).
        """
        own = self.generator
        return {
            "seed": self._seed,
            "position": self._position,
            "generator": None if own is None else own.bit_generator.state,
            "examples": len(self.dataset),
            "batch_size": self.batch_size,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to where ``state_dict`` was taken: the next iteration hands out what was left then.

        Raises
        ------
        ValueError
            If the dataset or the batches had another size.
        """
        for name, now in (("examples", len(self.dataset)), ("batch_size", self.batch_size)):
            if state_dict[name] != now:
                raise ValueError(f"the saved loader had {name} {state_dict[name]}, this has {now}")
        if (state_dict["generator"] is None) != (self.generator is None):
            raise ValueError("one of the two loaders has a generator of its own, the other not")
        if self.generator is not None:
            self.generator.bit_generator.state = state_dict["generator"]
        self._seed = state_dict["seed"]
        self._position = int(state_dict["position"])
        self._resuming = self._position > 0 or self._seed is not None


def _generator(generator: np.random.Generator | int | None) -> np.random.Generator:
    if generator is None:
        return random.default_generator()
    if isinstance(generator, np.random.Generator):
        return generator
    return np.random.default_rng(generator)


def _fetch(dataset: Dataset, rows: Array | slice) -> tuple[Array, ...]:
    if hasattr(dataset, "batch"):
        fields: tuple[Array, ...] = dataset.batch(rows)
        return fields
    numbers = range(*rows.indices(len(dataset))) if isinstance(rows, slice) else rows.tolist()
    examples = [dataset[i] for i in numbers]
    if not isinstance(examples[0], tuple):
        raise TypeError(
            f"an example of a dataset is a tuple, such as (input, label), not a "
            f"{type(examples[0]).__name__}"
        )
    return tuple([np.stack([plain(x) for x in field]) for field in zip(*examples, strict=True)])
