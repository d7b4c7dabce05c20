"""What the studies of defects show: AUROCs by surface, and maps of where a defect is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies import averages, figures
from apalu_ref.studies.detection import thumbnail
from apalu_ref.studies.results import Results

Array = NDArray[Any]

SHOWN = ("relu", "apalu")
"""The arms whose maps are kept and drawn."""

PIXELS = 24
"""Pictures in results are no larger."""


def examples(surface: Any, maps: Array) -> dict[str, Any]:
    """Two images with defects, their masks and maps, as small whole numbers.

    Those of median size of the first kind of defect and of one in the middle of the list.
    """
    sizes = surface.masks.sum((1, 2, 3))
    chosen = []
    for kind in (1, (surface.labels.max() + 1) // 2):
        rows = np.flatnonzero((surface.labels == kind) & (sizes > 0))
        chosen.append(int(rows[np.argsort(sizes[rows], kind="stable")[len(rows) // 2]]))
    return {
        "data": surface.name if surface.part == "all" else f"{surface.name} {surface.part}",
        "kinds": [surface.classes[surface.labels[row]] for row in chosen],
        "image": [thumbnail(surface.test[row].mean(0), PIXELS) for row in chosen],
        "mask": [thumbnail(surface.masks[row, 0], PIXELS) for row in chosen],
        "map": [thumbnail(maps[row], PIXELS) for row in chosen],
    }


def draw(results: Results) -> Any:
    """AUROC by surface and on average, and what the maps of two arms find."""
    rows = pictured(results)
    shown = max((len(found["image"]) for _, found in rows), default=0)
    figure, panels = figures.panels(3, 1 + shown, height=3.4)
    averages.by_condition(panels[0], results, "surface", "gaussian", "Gaussian")
    averages.dots(panels[1], results, title=f"{results.measure().text}, mean")
    averages.dots(panels[2], results, "pixel", f"{results.measure('pixel').text}, mean")
    for k in range(shown):
        localisation(panels[3 * (k + 1) : 3 * (k + 2)], rows, k)
    return figure


def pictured(results: Results) -> list[tuple[str, dict[str, Any]]]:
    """Up to two arms and the maps that were kept of them, under the first condition."""
    found = []
    for arm in results.arms:
        kept = [o["more"] for o in results.outcomes(arm, results.cases[0]) if o["more"].get("map")]
        found += [(arm, kept[0])] if kept else []
    return found[:2]


def localisation(panels: Any, rows: list[tuple[str, dict[str, Any]]], k: int) -> None:
    """One image with the outline of its defect, and a map for each arm."""
    first = rows[0][1]
    mask = np.array(first["mask"][k]) > 127
    pictures = [(f"{first['data']}: {first['kinds'][k]}", first["image"][k], "gray")]
    pictures += [(f"map, {arm}", found["map"][k], "magma") for arm, found in rows]
    for panel, (title, picture, colours) in zip(panels, pictures, strict=False):
        panel.imshow(picture, cmap=colours)
        if mask.any() and not mask.all():
            panel.contour(mask, [0.5], colors="#56B4E9", linewidths=1.2)
        panel.set_title(title, fontsize=10)
    for panel in panels:
        panel.set_axis_off()
