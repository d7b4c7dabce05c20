"""Sheets are drawn for every kind of function, without a warning, and show what they say."""

import math

import numpy as np
import pytest

from apalu_ref.properties import report
from apalu_ref.properties.meanfield import Network
from apalu_ref.properties.sheet import STYLES, compare, save, sheet
from apalu_ref.properties.simulate import simulate


def hole(x):
    return np.where(np.abs(x - 0.5) < 0.2, np.nan, x)


def jumps(x, k=1.0):
    return np.where(x < 1 / 3, x, k * x + 2)


def nowhere(x):
    return np.nan * x


def line(x, k=0.0):
    return k * x + 1


def depth_of(card):
    network = Network("gain", card["gain"], 0.0)
    return simulate(card.activation, card.gaussian, network, depth=5, width=12, draws=2)


BEGINNINGS = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize(
    ("f", "ending", "simulated"),
    [
        ("apalu", "svg", True),
        (jumps, "pdf", False),
        (hole, "png", False),
        (np.sinc, "svg", False),
        (nowhere, "svg", False),
        (line, "svg", False),
    ],
)
def test_sheets_of_all_kinds_of_functions(tmp_path, f, ending, simulated):
    card = report(f)
    path = tmp_path / f"card.{ending}"
    figure = sheet(card, depth_of(card) if simulated else None)
    save(figure, path)
    assert path.read_bytes().startswith(BEGINNINGS[ending])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert figure.get_suptitle() == repr(card.activation)
    assert len(figure.axes) >= 6


def test_a_format_that_there_is_not(tmp_path):
    figure = sheet(report("relu"))
    with pytest.raises(ValueError, match="xyz"):
        save(figure, tmp_path / "card.xyz")
    assert list(tmp_path.iterdir()) == []


def drawn(panel, label):
    (line,) = [line for line in panel.lines if line.get_label() == label]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def test_the_lines_are_those_of_the_card():
    card = report("apalu", a=0.7, b=1.2)
    figure = sheet(card)
    values, slopes, family, lengths, correlations, _ = figure.axes[:6]
    assert f"{card['Lipschitz constant']:.6g}" in slopes.get_title()
    x, y = drawn(slopes, "f′")
    far = np.abs(x) > 0.1
    np.testing.assert_allclose(y[far], card.activation.slope(x)[far], rtol=1e-12)
    assert np.isnan(y[np.abs(x) < 1e-9]).all()
    x, y = drawn(values, "kink")
    assert (x.tolist(), y.tolist()) == ([0.0], [0.0])
    x, y = drawn(correlations, "C(c)")
    assert y[0] == pytest.approx(card["C(0)"], rel=1e-12)
    assert y[-1] == pytest.approx(1, rel=1e-12)
    for text, sigma in (("LeCun", 1.0), ("He", math.sqrt(2))):
        (label,) = [n.get_label() for n in lengths.lines if str(n.get_label()).startswith(text)]
        x, y = drawn(lengths, label)
        assert np.interp(0, np.log(x), y) == pytest.approx(sigma**2 * card["E f²"], rel=1e-3)
    labels = {n.get_label() for n in family.lines}
    assert {"a = 0.14", "a = 1.26", "b = 0.24", "b = 2.16"} <= labels


def test_no_line_crosses_a_jump():
    figure = sheet(report(jumps))
    ends = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1000]
    for one in ends:
        steps = np.abs(np.diff(np.asarray(one.get_ydata(), float)))
        assert np.nanmax(steps) < 0.1


def test_the_simulation_is_drawn_when_there_is_one():
    card = report("tanh")
    depth = depth_of(card)
    panel = sheet(card, depth).axes[5]
    assert f"{depth.share_inside:.0%}" in panel.get_title()
    x, y = drawn(panel, "infinite width")
    np.testing.assert_allclose(y, depth.theory.lengths)
    assert x.tolist() == list(range(6))


def test_several_side_by_side(tmp_path):
    cards = [report(f) for f in ("apalu", "relu", jumps, np.log)]
    figure = compare(cards)
    save(figure, tmp_path / "all.png")
    labels = [str(n.get_label()) for n in figure.axes[0].lines]
    assert [repr(c.activation) for c in cards] == [n for n in labels if not n.startswith("_")]
    with pytest.raises(ValueError, match="at most 6"):
        compare([cards[0]] * 7)


def test_several_with_their_simulations(tmp_path):
    cards = [report(f) for f in ("tanh", "relu")]
    figure = compare(cards, [depth_of(c) for c in cards])
    save(figure, tmp_path / "all.svg")
    assert figure.axes[5].get_visible()
    assert not compare(cards).axes[5].get_visible()


def test_lines_differ_in_colour_and_in_dashes():
    assert len({s.color for s in STYLES}) == len({s.dashes for s in STYLES}) == len(STYLES)
