"""The history of a run: by name, as JSON, CSV and a picture."""

import csv
import json
import math
import subprocess
import sys

import pytest

from minigrad.train import History


@pytest.fixture
def history():
    h = History()
    h.rows = [
        {"epoch": 1, "loss": 0.75, "accuracy": 0.5, "val_loss": 0.8, "lr": 0.1, "seconds": 1.5},
        {"epoch": 2, "loss": 0.5, "accuracy": 0.7, "val_loss": math.nan, "lr": 0.1, "seconds": 1.4},
        {"epoch": 3, "loss": 0.3, "accuracy": 0.9, "val_loss": 0.6, "lr": 0.1, "seconds": 1.4},
    ]
    h.records = {"parameters": {"step": [1, 2], "w.mean": [0.5, math.inf]}}
    h.best_epoch = 3
    return h


def test_history_as_json(history, tmp_path):
    history.to_json(tmp_path / "h.json")
    got = json.loads((tmp_path / "h.json").read_text())
    assert got["rows"][0] == history.rows[0]
    assert got["rows"][1]["val_loss"] is None
    assert got["records"] == {"parameters": {"step": [1, 2], "w.mean": [0.5, None]}}
    assert got["best_epoch"] == 3


def test_history_as_csv(history, tmp_path):
    history.to_csv(tmp_path / "h.csv")
    rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "lr", "seconds"]


def test_history_by_name(history):
    assert history["accuracy"] == [0.5, 0.7, 0.9]
    assert "val_loss" in history
    assert "auc" not in history
    with pytest.raises(KeyError, match="there is no 'auc', but epoch, loss"):
        history["auc"]


def test_history_as_a_picture(history, tmp_path):
    figure = history.plot(tmp_path / "h.png")
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    assert [panel.get_title() for panel in figure.axes] == ["loss", "accuracy"]
    curves = {line.get_label(): line for line in figure.axes[0].lines}
    assert curves["training"].get_ydata().tolist() == history["loss"]
    assert curves["validation"].get_xdata().tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="nothing to draw"):
        History().plot()


def test_matplotlib_is_imported_for_pictures_only():
    code = "import sys, minigrad.train, minigrad.watch; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
