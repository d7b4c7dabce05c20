"""Right implementations, written differently, conform: unfair failures would teach distrust."""

import numpy as np
import pytest

from .mutants import sum_to

ALLOWED = {"precision", "policy", "nonfinite", "subnormal"}


class Base:
    """Everything in the type of the inputs; both branches evaluated everywhere."""

    def mask(self, x):
        return x >= 0

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-1.702 * x))

    def expm1(self, x):
        return np.exp(x) - 1

    def rest(self, x, s):
        return s * (1 - s)

    def forward(self, x, a, b):
        with np.errstate(all="ignore"):
            y = np.where(self.mask(x), a * x * (1 + self.sigmoid(x)), b * self.expm1(x))
        return y, (x, a, b)

    def slope(self, x, a, b):
        s = self.sigmoid(x)
        left = b * np.exp(x)
        return np.where(self.mask(x), a * (1 + s + 1.702 * x * self.rest(x, s)), left)

    def backward(self, ctx, gy):
        x, a, b = ctx
        with np.errstate(all="ignore"):
            da = gy * np.where(self.mask(x), x * (1 + self.sigmoid(x)), 0)
            db = gy * np.where(self.mask(x), 0, self.expm1(x))
            parts = gy * self.slope(x, a, b), da, db
            return tuple(
                sum_to(t.shape, g).astype(t.dtype if t.dtype.kind == "f" else np.float64)
                for t, g in zip(ctx, parts, strict=True)
            )


class Stable(Base):
    def sigmoid(self, x):
        return 0.5 * (1 + np.tanh(0.851 * x))

    def rest(self, x, s):
        t = np.exp(-1.702 * np.minimum(np.abs(x), 500))
        return t / (1 + t) ** 2

    def expm1(self, x):
        return np.expm1(x)


class LeftSlopeAtZero(Stable):
    def mask(self, x):
        return x > 0


class MeanSlopeAtZero(Stable):
    def slope(self, x, a, b):
        return np.where(x == 0, (1.5 * a + b) / 2, super().slope(x, a, b))


class ByMultiplication(Stable):
    def forward(self, x, a, b):
        above, below = np.maximum(x, 0), np.minimum(x, 0)
        return a * (above + above * self.sigmoid(above)) + b * np.expm1(below), (x, a, b)


class BySums(Stable):
    """The sign of zero and the order of operations are free."""

    def slope(self, x, a, b):
        above, below = np.maximum(x, 0), np.minimum(x, 0)
        s = self.sigmoid(above)
        up = 1 + s + 1.702 * above * self.rest(above, s)
        return (x >= 0) * (a * up) + (x < 0) * (b * np.exp(below))


@pytest.mark.parametrize("subject", [Base, *Base.__subclasses__(), *Stable.__subclasses__()])
def test_right_is_right_however_it_is_written(subject, check_here):
    report = check_here(subject())
    assert report.exit_status == 0, report.to_text()
    assert {f.level for f in report.findings} <= ALLOWED
