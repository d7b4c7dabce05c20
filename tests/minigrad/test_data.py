"""Datasets, the loader and its transforms: what comes out, in which order, and going on exactly."""

import json

import numpy as np
import pytest

import minigrad
from minigrad import random, transforms
from minigrad.data import DataLoader, Subset, TensorDataset, random_split


def numbers(n=10):
    return TensorDataset(np.arange(n, dtype=float)[:, None], np.arange(n))


def labels(batches):
    return [label.tolist() for *_, label in batches]


class OneByOne:
    """A dataset that knows single examples only."""

    def __len__(self):
        return 7

    def __getitem__(self, i):
        return minigrad.tensor([i, -i], dtype=np.float64), i, np.float16(i / 2)


def test_batches_hold_float32_tensors_and_plain_labels():
    (x, label), *rest = DataLoader(numbers(), batch_size=4)
    assert isinstance(x, minigrad.Tensor)
    assert (x.dtype, x.shape) == (np.float32, (4, 1))
    assert type(label) is np.ndarray
    assert label.tolist() == [0, 1, 2, 3]
    assert labels(rest) == [[4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(("dtype", "want"), [(None, np.float64), (np.float16, np.float16)])
def test_the_floating_type_can_be_chosen(dtype, want):
    ((x, _),) = DataLoader(numbers(), batch_size=10, dtype=dtype)
    assert x.dtype == want


def test_bytes_stay_bytes_without_a_transform():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3)
    ((x, _),) = DataLoader(TensorDataset(images, [0, 1]), batch_size=2)
    assert type(x) is np.ndarray
    assert x.dtype == np.uint8


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("n", [1, 6, 7, 8])
def test_lengths(n, drop_last):
    loader = DataLoader(numbers(n), batch_size=3, drop_last=drop_last)
    sizes = [len(label) for _, label in loader]
    assert len(sizes) == len(loader)
    assert sum(sizes) == (n // 3 * 3 if drop_last else n)
    assert all(size == 3 for size in sizes[:-1])


def test_an_empty_dataset_has_no_batches():
    assert list(DataLoader(numbers(0), batch_size=3, shuffle=True)) == []


def test_examples_one_by_one_are_put_together():
    batches = list(DataLoader(OneByOne(), batch_size=5))
    x, label, half = batches[1]
    assert x.data.tolist() == [[5, -5], [6, -6]]
    assert label.tolist() == [5, 6]
    assert half.dtype == np.float32
    shuffled = DataLoader(OneByOne(), batch_size=5, shuffle=True, generator=0)
    assert sorted(i for _, label, _ in shuffled for i in label) == list(range(7))


def test_shuffling_is_another_order_each_epoch_and_the_same_from_the_same_seed():
    loader = DataLoader(numbers(), batch_size=3, shuffle=True, generator=5)
    first, second = labels(loader), labels(loader)
    assert first != second
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(10))
    again = DataLoader(numbers(), batch_size=3, shuffle=True, generator=5)
    assert [labels(again), labels(again)] == [first, second]


def test_by_default_shuffling_draws_from_minigrads_own_generator():
    loader = DataLoader(numbers(), batch_size=3, shuffle=True)
    random.manual_seed(1)
    first = labels(loader)
    assert labels(loader) != first
    random.manual_seed(1)
    assert labels(loader) == first


def test_without_shuffling_nothing_is_drawn():
    before = random.get_state()
    list(DataLoader(numbers()))
    assert random.get_state() == before


def test_two_iterations_at_once_do_not_disturb_each_other():
    loader = DataLoader(numbers(6), batch_size=2)
    pairs = [(a.tolist(), b.tolist()) for (_, a), (_, b) in zip(loader, loader, strict=True)]
    assert pairs == [([0, 1], [0, 1]), ([2, 3], [2, 3]), ([4, 5], [4, 5])]


def jitter(x, rng):
    return x + rng.normal(size=x.shape)


@pytest.mark.parametrize("generator", [None, 3])
@pytest.mark.parametrize("handed_out", range(9))  # 4 batches an epoch
def test_it_goes_on_exactly_from_any_batch(handed_out, generator):
    def make():
        return DataLoader(numbers(), 3, shuffle=True, generator=generator, transform=jitter)

    def epochs(loader):
        while True:
            yield from loader

    def take(batches, n):
        return [(x.data.tobytes(), label.tolist()) for (x, label), _ in zip(batches, range(n))]  # noqa: B905

    random.manual_seed(2)
    straight = make()
    batches = epochs(straight)
    take(batches, handed_out)
    saved = json.loads(json.dumps([straight.state_dict(), random.get_state()]))
    want = take(batches, 9)

    random.manual_seed(99)
    resumed = make()
    resumed.load_state_dict(saved[0])
    random.set_state(saved[1])
    assert take(epochs(resumed), 9) == want


def test_a_state_of_another_dataset_is_refused():
    state = DataLoader(numbers(9), batch_size=3).state_dict()
    with pytest.raises(ValueError, match="had examples 9, this has 10"):
        DataLoader(numbers(10), batch_size=3).load_state_dict(state)
    with pytest.raises(ValueError, match="had batch_size 3, this has 2"):
        DataLoader(numbers(9), batch_size=2).load_state_dict(state)
    with pytest.raises(ValueError, match="a generator of its own"):
        DataLoader(numbers(9), batch_size=3, generator=1).load_state_dict(state)


def test_subset_and_split():
    part = Subset(numbers(), [7, 2, 5])
    assert part[1][1] == 2
    assert labels(DataLoader(part, batch_size=2)) == [[7, 2], [5]]
    assert labels(DataLoader(Subset(part, [2, 0]), batch_size=2)) == [[5, 7]]
    assert labels(DataLoader(Subset(OneByOne(), [6, 1]), batch_size=2))[0] == [3, 0.5]
    parts = random_split(numbers(), [5, 3, 2], generator=0)
    assert [len(p) for p in parts] == [5, 3, 2]
    assert sorted(int(p[i][1]) for p in parts for i in range(len(p))) == list(range(10))
    again = random_split(numbers(), [5, 3, 2], generator=0)
    assert all(np.array_equal(p.indices, q.indices) for p, q in zip(parts, again, strict=True))
    assert [len(p) for p in random_split(numbers(11), [0.5, 0.25, 0.25], generator=0)] == [6, 3, 2]
    assert [len(p) for p in random_split(numbers(1), [1])] == [1]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TensorDataset(), ValueError, "one array or more"),
        (lambda: TensorDataset(np.zeros(3), np.zeros(4)), ValueError, "not 3, 4"),
        (lambda: TensorDataset(1.0), ValueError, "an axis of examples"),
        (lambda: Subset(numbers(3), [0, 3]), IndexError, "from 0 to 2"),
        (lambda: Subset(numbers(3), [-1]), IndexError, "from 0 to 2"),
        (lambda: random_split(numbers(5), [2, 2]), ValueError, "the sum 5 .* not 4"),
        (lambda: random_split(numbers(5), [0.5, 0.4]), ValueError, "not 0.9"),
        (lambda: DataLoader(numbers(), batch_size=0), ValueError, "1 or more, not 0"),
        (lambda: DataLoader(numbers(), batch_size=2.5), ValueError, "not 2.5"),
        (lambda: DataLoader(numbers(), transform=[jitter]), TypeError, "Compose"),
        (lambda: list(DataLoader([1, 2])), TypeError, "is a tuple.*not a int"),
        (lambda: transforms.Normalize(0, 0), ValueError, "std must be above 0"),
        (lambda: transforms.RandomHorizontalFlip(2), ValueError, "from 0 to 1"),
        (lambda: transforms.RandomCrop(0), ValueError, "size must be 1 or more"),
    ],
)
def test_errors_say_what_is_wrong(make, error, message):
    with pytest.raises(error, match=message):
        make()


# -- transforms


def images(shape, dtype=np.float32):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


def test_normalize_by_channel():
    x = images((2, 3, 4, 4))
    y = transforms.Normalize([1, 2, 3], [1, 2, 4])(x)
    assert y.dtype == np.float32
    assert y[1, 2, 3, 3] == (x[1, 2, 3, 3] - 3) / 4
    assert y[1, 1, 0, 0] == (x[1, 1, 0, 0] - 2) / 2
    whole = transforms.Normalize(x.mean(dtype=float), x.std(dtype=float))(x)
    assert (whole.mean(), whole.std()) == pytest.approx((0, 1), abs=1e-6)
    with pytest.raises(TypeError, match=r"not uint8: ToFloat\(\) first"):
        transforms.Normalize(0, 1)(np.zeros((1, 2), np.uint8))


def test_to_float_is_for_bytes():
    with pytest.raises(TypeError, match=r"uint8.*not float64"):
        transforms.ToFloat()(np.zeros(3))


@pytest.mark.parametrize("shape", [(200, 3, 5, 6), (200, 5, 6)])
def test_each_image_is_flipped_or_not(shape):
    x = images(shape)
    before = x.copy()
    y = transforms.RandomHorizontalFlip(0.3)(x, np.random.default_rng(0))
    flipped = [np.array_equal(b, a[..., ::-1]) for a, b in zip(x, y, strict=True)]
    kept = [np.array_equal(b, a) for a, b in zip(x, y, strict=True)]
    assert sum(flipped) + sum(kept) == 200
    assert 35 < sum(flipped) < 85
    assert np.array_equal(x, before)
    assert y.dtype == x.dtype


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_each_image_is_cropped_at_a_place_of_its_own(channels):
    x = images((300, *channels, 6, 7)) + 1
    y = transforms.RandomCrop((5, 4), padding=1)(x, np.random.default_rng(0))
    assert y.shape == (300, *channels, 5, 4)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 1)] * 2)
    places = set()
    for image, crop in zip(padded, y, strict=True):
        found = [
            (i, j)
            for i in range(4)
            for j in range(6)
            if np.array_equal(image[..., i : i + 5, j : j + 4], crop)
        ]
        assert len(found) == 1
        places.update(found)
    assert len(places) == 24
    with pytest.raises(ValueError, match=r"8 × 9 pixels .* cannot be cut to 10 × 4"):
        transforms.RandomCrop((10, 4), padding=1)(x, np.random.default_rng(0))


def test_transforms_in_a_row():
    x = images((8, 1, 4, 4), np.uint8)
    both = transforms.Compose([transforms.ToFloat(), transforms.Normalize(0.5, 0.5)])
    ((y, _),) = DataLoader(TensorDataset(x, np.arange(8)), batch_size=8, transform=both)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, x / 127.5 - 1, atol=1e-6)


def test_random_numbers_of_different_batches_have_nothing_in_common():
    data = TensorDataset(np.zeros((64, 100)), np.zeros(64, int))
    noise = DataLoader(data, 8, generator=0, transform=lambda x, rng: rng.random(x.shape))
    batches = [x.data.ravel() for x, _ in noise]
    assert len(np.unique(np.concatenate(batches))) > 0.99 * 64 * 100
