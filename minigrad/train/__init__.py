"""Training: the loop, its history, early stopping, checkpoints and exact resume."""

from minigrad.train.callbacks import Callback, EarlyStopping, NonFiniteError, TrainingWarning
from minigrad.train.fit import Interrupted, accuracy, fit
from minigrad.train.history import History
from minigrad.train.run import Run

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "Interrupted",
    "NonFiniteError",
    "Run",
    "TrainingWarning",
    "accuracy",
    "fit",
]
