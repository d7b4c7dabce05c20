"""The sets of sequences: names that fit."""

import numpy as np

from apalu_ref import datasets


def test_the_names_of_the_movements_fit_the_movements():
    data = datasets.libras(source="bundled")
    extent = np.ptp(data.sequences, axis=1)
    gone = np.abs(data.sequences[:, -1] - data.sequences[:, 0])

    def mean(values, name):
        return values[data.labels == data.classes.index(name)].mean(0)

    extents = {name: mean(extent, name).max() for name in data.classes}
    assert min(extents, key=extents.get) == "tremble"
    for name in ("horizontal straight-line", "horizontal wavy"):
        assert mean(gone, name)[0] > 3 * mean(gone, name)[1]
    for name in ("vertical straight-line", "vertical wavy", "vertical zigzag"):
        assert mean(gone, name)[1] > 3 * mean(gone, name)[0]
    for way, long in (("horizontal", 0), ("vertical", 1)):
        for what in ("swing", "zigzag", "wavy"):
            found = mean(extent, f"{way} {what}")
            assert found[long] > 1.5 * found[1 - long]
