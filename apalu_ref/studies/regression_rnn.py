"""Tomorrow's price of a stock with a recurrent network: better than today's price?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.studies import figures
from apalu_ref.studies.arms import ARMS
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.regression import least_squares, lower, reference, rmse, rounded
from apalu_ref.studies.results import Results
from apalu_ref.studies.sequence_network import SequenceNetwork
from apalu_ref.studies.training import count, network, predict, thinned, train
from minigrad.nn import functional as F

Array = NDArray[Any]

_TRAIN, _VALIDATION = 0.6, 0.15
BETTER = 0.99
"""Below this an error relative to the naive forecast's counts as better, said beforehand."""

_SHOWN = 40
"""How many days of the test the figure shows."""


class Days(NamedTuple):
    """What a run may see of a series, as log returns in units of the training part's deviation.

    Attributes
    ----------
    x, judged_x : ndarray, shape (N, window, 1)
        The returns of the days up to today.
    y, judged_y : ndarray, shape (N, 1)
        Tomorrow's return.
    unit, middle : float
        The deviation and the mean of the training part, by which returns were standardised.
    today : ndarray, shape (N,)
        Today's price of the days judged.
    """

    x: Array
    y: Array
    judged_x: Array
    judged_y: Array
    unit: float
    middle: float
    today: Array


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Series]:
    """The prices of the stocks."""
    return [datasets.stocks(ticker, source=source) for ticker in settings["tickers"]]


def days(prices: Array, window: int, final: bool) -> Days:
    """Windows of a series, in the order of time: training, then validation, then test.

    A day belongs to the part its target lies in. The first windows of a part look back on days of
    the part before, which are known by then; no target is in two parts, and the mean and
    deviation are those of returns up to the end of the training part.
    """
    returns = np.diff(np.log(prices))
    n = len(returns)
    first, second = round(_TRAIN * n), round((_TRAIN + _VALIDATION) * n)
    middle, unit = float(returns[:first].mean()), float(returns[:first].std())
    scaled = ((returns - middle) / unit).astype(np.float32)
    past = np.lib.stride_tricks.sliding_window_view(scaled, window)[:-1]
    targets = np.arange(window, n)
    judged = (second, n) if final else (first, second)

    def part(low: int, high: int) -> tuple[Array, Array, Array]:
        rows = (targets >= low) & (targets < high)
        return past[rows, :, None].copy(), scaled[targets[rows], None], prices[targets[rows]]

    x, y, _ = part(0, first)
    return Days(x, y, *part(*judged)[:2], unit, middle, part(*judged)[2])


def build(hidden: int) -> Any:
    """A builder of the network, for one number a day."""
    return lambda activation, width: SequenceNetwork(activation, 1, round(hidden * width), 1)


def run(task: Task) -> Outcome:
    """Train one network and compare its errors with those of tomorrow = today."""
    settings = task.settings
    series = datasets.stocks(task.case["ticker"], source=task.source)
    prices = series.values[:, series.columns.index("Adj Close")]
    found = days(prices, settings["window"], task.final)
    model = network(task, build(settings["hidden"]))
    trained = train(
        model, F.mse_loss, (found.x, found.y), task,
        epochs=settings["epochs"], batch=settings["batch"],
    )  # fmt: skip

    def back(scaled: Array) -> Array:
        return np.asarray(scaled, np.float64).ravel() * found.unit + found.middle

    wanted = back(found.judged_y)
    naive = rmse(np.zeros_like(wanted), wanted)
    forecast = back(predict(model, found.judged_x))
    error = None if trained.diverged else rmse(forecast, wanted)
    assert naive
    line = back(least_squares(found.x[..., 0], found.y, found.judged_x[..., 0]))
    moved = wanted != 0
    more = {
        "naive": rounded(naive),
        "linear": rounded((rmse(line, wanted) or math.nan) / naive),
        "drift": rounded((rmse(np.full_like(wanted, found.middle), wanted) or math.nan) / naive),
    }
    if task.final and task.seed == 0 and error is not None:
        more |= _for_the_figure(found.today, wanted, forecast)
    right = np.sign(forecast[moved]) == np.sign(wanted[moved])
    return outcome(
        None if error is None else error / naive,
        diverged=trained.diverged,
        parameters=count(model),
        cost=rounded(error),
        direction=None if error is None else rounded(float(right.mean())),
        curves={"loss": thinned(trained.losses, 20)},
        more=more,
    )


def _for_the_figure(today: Array, returns: Array, forecast: Array) -> dict[str, Any]:
    """The last days of the test: tomorrow's price, its forecast, and today's."""
    last = slice(-_SHOWN, None)
    lines = {
        "price": today[last] * np.exp(returns[last]),
        "forecast": today[last] * np.exp(forecast[last]),
        "today": today[last],
    }
    return {name: [float(f"{v:.5g}") for v in line] for name, line in lines.items()}


def concluded(results: Results) -> Conclusion:
    """Against ReLU and tanh; and whether any arm is better than the naive forecast."""
    found = lower(results)
    beat, means, said = [], [], []
    for case in results.cases:
        for arm in results.arms:
            s = results.summary(arm, "score", case)
            if not s.n:
                continue
            means.append((s.mean, f"{arm} on {case['ticker']}"))
            if s.n > 2 and s.mean + 2 * s.std / math.sqrt(s.n) < BETTER:
                beat.append(means[-1][1])
        line, drift = (reference(results, key, case) for key in ("linear", "drift"))
        if math.isfinite(line):
            said.append(
                f"{case['ticker']}: linear least squares {line:.4f}, the mean return of the "
                f"training years {drift:.4f} of the naive error"
            )
    better = f"{len(beat)} of {len(means)} arms and stocks"
    better += f" ({', '.join(beat)})" if beat else ""
    better += f" at least {1 - BETTER:.0%} better than the naive forecast"
    if means:
        better += "; the lowest mean error is {:.4f} times the naive one ({})".format(*min(means))
    return Conclusion(found.verdict, "; ".join([better, found.evidence, *said]))


def draw(results: Results) -> Any:
    """For each stock the errors by arm beside the naive forecast's 1, and the last days."""
    cases = results.cases
    figure, panels = figures.panels(len(cases), 2)
    for k, case in enumerate(cases):
        above, below = panels[k], panels[len(cases) + k]
        figures.by_arm(
            above, results, "score", case, f"{case['ticker']}: error, the naive forecast's is 1"
        )
        above.axvline(1, color="black", lw=1, ls="--")
        above.locator_params(axis="x", nbins=4)
        _last_days(below, results, case)
    return figure


def _last_days(panel: Any, results: Results, case: Mapping[str, Any]) -> None:
    """Prices and what was said of them the day before."""
    panel.set_title(f"{case['ticker']}: the last days of the test", fontsize=10)
    panel.set_xlabel("day", fontsize=9)
    for arm in ("apalu", *results.arms):
        for o in results.outcomes(arm, case) if arm in results.arms else []:
            if "price" not in o["more"]:
                continue
            lines = o["more"]
            panel.plot(lines["price"], color="black", lw=1.2, label="price")
            panel.plot(lines["today"], color="#777777", lw=1, ls=":", label="naive: the day before")
            panel.plot(lines["forecast"], color="#0072B2", lw=1, ls="--", label=f"forecast, {arm}")
            panel.legend(frameon=False, fontsize=7)
            return


def _cases(*tickers: str) -> tuple[dict[str, str], ...]:
    return tuple({"ticker": name} for name in tickers)


_ALL = ("AAPL", "IBM", "MSFT")

STUDY = Study(
    name="regression-rnn",
    title="Tomorrow's price with a recurrent network",
    question="Does a GRU network with APALU forecast tomorrow's closing price of a stock with "
    "lower costs than with ReLU or tanh, and is any of them better than saying that tomorrow's "
    "price is today's?",
    protocol=(
        "The network sees the log returns of the last days and forecasts the next one; the price "
        "that it forecasts is today's times the exponential of that. Each return is projected "
        "and activated, a GRU reads them, and a head with one hidden layer gives the forecast. The "
        "arm's activation stands in the projection and in the head; the GRU keeps its sigmoids "
        "and tanh.",
        "Prices are adjusted for splits and dividends, which would otherwise look like crashes.",
        "In the order of time, the first 60 % of the days are trained on, the next 15 % are for "
        "the choice of learning rates, and the last 25 % are the test. Returns are standardised "
        "by the training part alone, and no target is in two parts. A final run is trained on the "
        "same days. Seeds change the initial weights and the order of the batches, and nothing "
        "else: the spread is not that of other years.",
        "The error is the root of the mean squared error of the log price, divided by that of the "
        "naive forecast, tomorrow = today: 1 is no better. A forecast that lags behind by a day "
        "looks convincing in a plot of prices and has about this error.",
        "The linear fit to the same days, and the mean return of the training years, are given as "
        "references.",
    ),
    answer="On a stock APALU is better if the paired interval of the difference in the relative "
    "test error lies below 0 against ReLU and against tanh, and worse if it lies above 0 against "
    "one of them; the intervals are widened so that all of them together hold at 95 %. The claim "
    "holds if APALU is better on every stock, under a condition if it is better on more stocks "
    "than it is worse on, does not hold if it is worse on more, and is open otherwise; and also if "
    "one of the three was not run, or with fewer than three seeds. An "
    "arm that is better than another and not better than the naive forecast has found nothing "
    "that could be used; better counts from 1 % on, by more than two standard errors.",
    measures=(
        Measure("score", "test error relative to the naive forecast", "lower", 1, 4),
        Measure("cost", "RMSE of tomorrow's log price", "lower", 1, 5),
        Measure("direction", "days of the right sign, %", "higher", 100, 1),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.003, 0.01), cases=_cases("IBM"),
            settings={
                "tickers": ("IBM",), "window": 5, "hidden": 8, "epochs": 2, "batch": 128,
            },
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=(
                "relu", "apalu", "apalu-vp", "tanh", "gelu", "apalu-frozen", "relu-scaled",
                "relu-wide",
            ),
            seeds=8, rates=(0.0003, 0.001, 0.003, 0.01), cases=_cases(*_ALL),
            settings={"tickers": _ALL, "window": 20, "hidden": 16, "epochs": 15, "batch": 64},
            note="Half as many epochs as in full, half as many units, and 8 of the arms.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=10, rates=(0.0001, 0.0003, 0.001, 0.003, 0.01),
            cases=_cases(*_ALL),
            settings={"tickers": _ALL, "window": 20, "hidden": 32, "epochs": 30, "batch": 64},
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
