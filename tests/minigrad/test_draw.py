"""The graph as text and as a picture."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from minigrad import grad, no_grad, tensor
from minigrad.draw import draw
from minigrad.layout import Layout

matplotlib.use("Agg")


def leaf(*shape):
    return tensor(np.ones(shape), requires_grad=True)


def network():
    w, b = leaf(3, 5), leaf(5)
    h = np.tanh(np.ones((2, 3)) @ w + b)
    return w, b, h, (h * h).mean()


class TestText:
    def test_the_whole_text(self):
        w, b, h, loss = network()
        assert draw(loss, names={"w": w, "b": b, "h": h}).dot.splitlines() == [
            "digraph {",
            '  node [fontname="sans-serif"]',
            r'  n0 [label="w\n(3, 5)", shape=box]',
            r'  n1 [label="matmul\n(2, 5)"]',
            r'  n2 [label="b\n(5,)", shape=box]',
            r'  n3 [label="add\n(2, 5)"]',
            r'  n4 [label="h = tanh\n(2, 5)"]',
            r'  n5 [label="multiply\n(2, 5)"]',
            r'  n6 [label="mean\n()"]',
            "  n0 -> n1", "  n1 -> n3", "  n2 -> n3", "  n3 -> n4", "  n4 -> n5", "  n4 -> n5",
            "  n5 -> n6",
            "}",
        ]  # fmt: skip

    def test_the_same_graph_gives_the_same_text(self):
        texts = {draw(network()[-1]).dot for _ in range(3)}
        assert len(texts) == 1
        assert r"leaf\n(3, 5)" in texts.pop()

    def test_names_are_escaped(self):
        x = leaf()
        text = draw(x * 2, names={'a "name"\\': x}).dot
        assert r'n0 [label="a \"name\"\\\n()", shape=box]' in text

    def test_names_outside_of_the_graph_are_passed_over(self):
        x, constant = leaf(), tensor(1.0)
        assert "other" not in draw(x * constant, names={"other": leaf(), "none": constant}).dot

    def test_a_leaf_alone(self):
        assert draw(leaf(2)).dot.count("label") == 1

    def test_derivatives_have_graphs_too(self):
        x = leaf()
        (g,) = grad(np.sin(x) * x, x, create_graph=True)
        assert "cos" in draw(g).dot

    def test_any_size_and_depth(self):
        y = leaf()
        for _ in range(5000):
            y = y + 1
        assert draw(y).dot.count("->") == 5000


class TestErrors:
    def test_nothing_recorded(self):
        with pytest.raises(RuntimeError, match=r"nothing was recorded .* requires_grad=True"):
            draw(tensor(1.0))
        x = leaf()
        with no_grad(), pytest.raises(RuntimeError, match=r"outside of no_grad\(\)"):
            draw(x * 2)
        with pytest.raises(TypeError, match="a Tensor can be drawn, not ndarray"):
            draw(np.ones(2))

    def test_too_many_nodes_for_a_picture(self, tmp_path):
        y = leaf()
        for _ in range(60):
            y = np.sin(y)
        with pytest.raises(ValueError, match=r"61 nodes cannot be read .* text \(.dot\)"):
            draw(y, tmp_path / "large.png")
        draw(y, tmp_path / "large.dot")
        assert [p.name for p in tmp_path.iterdir()] == ["large.dot"]

    def test_a_path_without_an_ending(self, tmp_path):
        with pytest.raises(ValueError, match=r"has no ending: \.dot for text"):
            draw(leaf() * 2, tmp_path / "graph")

    def test_an_unknown_ending_leaves_nothing_behind(self, tmp_path):
        with pytest.raises(ValueError, match="not supported"):
            draw(leaf() * 2, tmp_path / "graph.xyz")
        assert list(tmp_path.iterdir()) == []


class TestPicture:
    @pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
    def test_files(self, tmp_path, ending):
        path = tmp_path / f"graph.{ending}"
        drawing = draw(network()[-1], path)
        assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
        drawing.save(str(tmp_path / "text.gv"))
        assert (tmp_path / "text.gv").read_text() == drawing.dot + "\n"
        assert len(list(tmp_path.iterdir())) == 2

    def test_every_node_and_edge_is_there(self):
        w, _, _, loss = network()
        drawing = draw(loss, names={"w": w})
        figure = drawing.figure()
        (axes,) = figure.axes
        assert [t.get_text() for t in axes.texts] == drawing.labels
        assert len(axes.patches) == len(drawing.edges)
        matplotlib.pyplot.close(figure)

    def test_no_label_covers_another_nor_leaves_the_picture(self):
        w, b, _, loss = network()
        (g,) = grad(loss, w, create_graph=True)
        figure = draw(g.sum() + (b * b).sum()).figure()
        figure.draw_without_rendering()
        boxes = [t.get_bbox_patch().get_window_extent() for t in figure.axes[0].texts]
        for i, box in enumerate(boxes):
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
            assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        matplotlib.pyplot.close(figure)


class TestLayout:
    def test_a_chain_is_straight(self):
        layout = Layout(4, [(0, 1), (1, 2), (2, 3)])
        assert layout.places == [(0, 0), (0, 1), (0, 2), (0, 3)]
        assert layout.size == (0, 3)

    def test_inputs_stand_right_above_their_use(self):
        layout = Layout(4, [(0, 1), (1, 3), (2, 3)])
        assert [y for _, y in layout.places] == [0, 1, 1, 2]

    def test_long_edges_go_around(self):
        layout = Layout(4, [(0, 1), (1, 2), (2, 3), (0, 3)])
        (*_, path) = layout.paths
        assert [y for _, y in path] == [0, 1, 2, 3]
        for x, y in path[1:-1]:
            assert all(abs(x - px) >= 0.5 for px, py in layout.places if py == y)

    def test_equal_edges_run_beside_each_other(self):
        first, second = Layout(2, [(0, 1), (0, 1)]).paths
        assert first[0][0] < second[0][0]

    def test_crossings_are_undone(self):
        # 0 and 1 feed 3 and 2: the second row is turned round.
        layout = Layout(4, [(0, 3), (1, 2)])
        x = [x for x, _ in layout.places]
        assert (x[0] < x[1]) == (x[3] < x[2])

    def test_nodes_in_a_layer_keep_their_distance(self):
        rng = np.random.default_rng(0)
        edges = [(int(rng.integers(0, b)), b) for b in range(1, 40) for _ in range(2)]
        layout = Layout(40, edges)
        assert len(set(layout.places)) == 40
        for i, (x, y) in enumerate(layout.places):
            others = [px for px, py in layout.places[:i] if py == y]
            assert all(abs(x - px) > 0.999 for px in others)


def test_matplotlib_is_imported_only_to_draw():
    code = (
        "import sys; from minigrad import tensor; from minigrad.draw import draw\n"
        "draw(tensor(1.0, requires_grad=True) * 2).dot\n"
        "print('matplotlib' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert re.fullmatch("False\n", done.stdout), done.stderr
