"""How well defects and strangers are told from what is normal, and how simple methods fare."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def auroc(scores: ArrayLike, anomalous: ArrayLike) -> float | None:
    """The area under the ROC curve: P(an anomaly scores higher than a normal one), ties half.

    Computed from ranks (Mann and Whitney's U); tied scores share the mean of their ranks.

    Parameters
    ----------
    scores : array_like
        Of any shape; higher is more anomalous.
    anomalous : array_like of bool
        Of the same shape.

    Returns
    -------
    float or None
        None if a score is not finite, or if there are not both kinds.

    Examples
    --------
    >>> auroc([0.1, 0.4, 0.4, 0.8], [False, False, True, True])
    0.875
    """
    values = np.asarray(scores).ravel()
    truth = np.asarray(anomalous, bool).ravel()
    if len(values) != len(truth):
        raise ValueError(f"{len(values)} scores for {len(truth)} labels")
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative or not np.isfinite(values).all():
        return None
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    # Where a run of equal scores begins, and how long it is.
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, len(values)))
    ranks = np.repeat(starts + (lengths + 1) / 2, lengths)
    total = float(ranks[truth[order]].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def rounded(value: float | None) -> float | None:
    """Six digits: more than any figure shows, and results stay small."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def pixel_auroc(maps: Array, masks: Array) -> float | None:
    """AUROC over all pixels of all images.

    Parameters
    ----------
    maps : ndarray, shape (N, H, W) or (N, 1, H, W)
        How anomalous each pixel is.
    masks : ndarray of bool, as many numbers
        True where there is a defect.
    """
    if maps.size != masks.size:
        raise ValueError(f"maps {maps.shape} and masks {masks.shape} do not fit")
    return auroc(maps, masks)


def blur(maps: Array, sigma: float) -> Array:
    """Gaussian smoothing over the last two axes; edges are repeated, so that constants stay.

    Parameters
    ----------
    maps : ndarray, shape (..., H, W)
    sigma : float
        In pixels; the kernel is cut at three sigma.
    """
    reach = math.ceil(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    out = np.asarray(maps, float)
    for axis in (-2, -1):
        width = [(0, 0)] * out.ndim
        width[axis] = (reach, reach)
        padded = np.pad(out, width, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis)
        out = windows @ kernel
    return out


def enlarged(maps: Array, size: tuple[int, int]) -> Array:
    """Bilinear interpolation of the last two axes to ``size``, pixel centres aligned.

    Parameters
    ----------
    maps : ndarray, shape (..., h, w)
    size : tuple of int
        (H, W), no smaller.
    """
    out = np.asarray(maps, float)
    for axis, target in zip((-2, -1), size, strict=True):
        length = out.shape[axis]
        place = np.clip((np.arange(target) + 0.5) * length / target - 0.5, 0, length - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, length - 1)
        share = place - low
        if axis == -2:
            share = share[:, None]
        out = np.take(out, low, axis) * (1 - share) + np.take(out, high, axis) * share
    return out


def thumbnail(image: Array, most: int = 32) -> list[list[int]]:
    """An image as whole numbers from 0 (its least) to 255 (its largest), for JSON.

    Parameters
    ----------
    image : ndarray, shape (H, W)
        H and W are brought below ``most`` by means over blocks.
    most : int
    """
    factor = math.ceil(max(image.shape) / most)
    high, wide = (n // factor * factor for n in image.shape)
    small = np.asarray(image[:high, :wide], float)
    small = small.reshape(high // factor, factor, wide // factor, factor).mean((1, 3))
    low, top = float(small.min()), float(small.max())
    rows: list[list[int]] = np.rint((small - low) * (255 / (top - low or 1))).astype(int).tolist()
    return rows


def mahalanobis(features: Array, judged: Array, ridge: float = 0.01) -> Array:
    """The squared distance from a Gaussian fitted to normal features: a simple reference.

    Parameters
    ----------
    features : ndarray, shape (N, D)
        Of normal images.
    judged : ndarray, shape (M, D)
    ridge : float
        This share of the mean variance is added to every variance, so that the covariance can
        be inverted where N is small.

    Returns
    -------
    ndarray, shape (M,)
    """
    rows = np.asarray(features, float)
    off = np.asarray(judged, float) - rows.mean(0)
    covariance = np.cov(rows, rowvar=False, bias=True).reshape(rows.shape[1], -1)
    covariance += ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    squares: Array = np.einsum("nd,nd->n", off, np.linalg.solve(covariance, off.T).T)
    return squares


def pca_error(rows: Array, judged: Array, components: int) -> Array:
    """What principal components of normal rows leave of others, squared: a simple reference.

    Parameters
    ----------
    rows : ndarray, shape (N, D)
    judged : ndarray, shape (M, D)
    components : int
        0 gives the squared distance from the mean.

    Returns
    -------
    ndarray, shape (M,)
    """
    mean = rows.mean(0, dtype=float)
    centred = np.asarray(rows, float) - mean
    off = np.asarray(judged, float) - mean
    squares: Array = (off * off).sum(1)
    if not components:
        return squares
    _, vectors = np.linalg.eigh(centred.T @ centred)
    kept = off @ vectors[:, -components:]
    # No rounding can make a squared length negative.
    left: Array = np.maximum(squares - (kept * kept).sum(1), 0)
    return left
