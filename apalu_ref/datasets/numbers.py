"""The sets of sequences, tables and time series."""

from __future__ import annotations

import numpy as np

from apalu_ref.datasets.errors import DatasetError, one_of, whole
from apalu_ref.datasets.loaded import Sequences, Series, Table
from apalu_ref.datasets.locate import find
from apalu_ref.datasets.tables import read_matrix, read_table

_MOVEMENTS = (
    "curved swing", "horizontal swing", "vertical swing", "anti-clockwise arc", "clockwise arc",
    "circle", "horizontal straight-line", "vertical straight-line", "tremble",
    "horizontal zigzag", "vertical zigzag", "horizontal wavy", "vertical wavy", "face-up curve",
    "face-down curve",
)  # fmt: skip
_MPG = ("mpg", "cyl", "displ", "hp", "weight", "accel", "yr", "origin", "name")
_CONCRETE = ("cement", "slag", "fly_ash", "water", "superplasticizer", "coarse_aggregate",
             "fine_aggregate", "age", "strength")  # fmt: skip
_YACHT = ("lcb", "prismatic_coefficient", "length_displacement", "beam_draught", "length_beam",
          "froude", "residuary_resistance")  # fmt: skip
_STOCKS = ("Ticker", "Date", "Open", "High", "Low", "Close", "Volume", "Adj Close")


def libras(drop_duplicates: bool = True, source: str = "auto") -> Sequences:
    """LIBRAS Movement: hand movements of Brazilian sign language; bundled in whole.

    Parameters
    ----------
    drop_duplicates : bool, default True
        The file has 360 rows, of which 30 repeat an earlier one. Left in, the same movement
        may come to be in the training and the test set, and the test be flattered; so only
        the first of equal rows is kept. False gives the file as it is.
    source : {"auto", "bundled", "full"}

    Returns
    -------
    Sequences
        (330 or 360, 45, 2): the centre of the hand (x, y) in 45 frames, each in [0, 1].
        ``labels`` are 0 to 14 (1 to 15 in the file).

    Notes
    -----
    The description of the set names "tremble" last. In the file it is class 9 in which the hand
    stays where it is, and the six names from "horizontal zigzag" on fit the classes 10 to 15; so
    ``classes`` has them in that order.

    Examples
    --------
    >>> from apalu_ref import datasets
    >>> datasets.libras(source="bundled").sequences.shape
    (330, 45, 2)
    """
    found = find("libras", source)
    (path,), known = found.paths(), found.verify()
    rows = read_matrix(path, 91)
    if not whole(rows[:, 90], 1, 15) or rows[:, :90].min() < 0 or rows[:, :90].max() > 1:
        raise DatasetError(f"{path}: expected values 0 to 1 and classes 1 to 15, found others")
    if drop_duplicates:
        rows = rows[np.sort(np.unique(rows, axis=0, return_index=True)[1])]
    return Sequences(
        name="libras",
        part="all",
        source=found.source,
        verified=known,
        sequences=rows[:, :90].reshape(-1, 45, 2).copy(),
        labels=rows[:, 90].astype(np.int64) - 1,
        classes=_MOVEMENTS,
    )


def auto_mpg(source: str = "auto") -> Table:
    """Fuel consumption (miles per gallon) of 392 cars from 7 features; bundled in whole.

    ``origin`` is a class, not a quantity: 1 America, 2 Europe, 3 Japan.
    """
    return _table("auto-mpg", source, _MPG, target="mpg", text=("name",))


def concrete(source: str = "auto") -> Table:
    """Compressive strength (MPa) of 1030 concretes from 8 features; not bundled."""
    return _table("concrete", source, _CONCRETE, target="strength")


def yacht(source: str = "auto") -> Table:
    """Residuary resistance of 308 yachts at speeds from 6 features; not bundled."""
    return _table("yacht", source, _YACHT, target="residuary_resistance")


def _table(
    name: str, source: str, columns: tuple[str, ...], target: str, text: tuple[str, ...] = ()
) -> Table:
    found = find(name, source)
    (path,), known = found.paths(), found.verify()
    table = read_table(path, columns, text)
    features = tuple(column for column in columns if column != target and column not in text)
    return Table(
        name=name,
        part="all",
        source=found.source,
        verified=known,
        features=np.stack([table[column] for column in features], axis=1),
        targets=table[target],
        feature_names=features,
        target_name=target,
    )


def stocks(ticker: str = "AAPL", source: str = "auto") -> Series:
    """Daily prices of a stock, 2000-03-01 to 2013-03-01.

    Parameters
    ----------
    ticker : str
        AAPL, IBM, MSFT; and GOOG (from 2004), FB (from 2012) in the full set.
    source : {"auto", "bundled", "full"}

    Returns
    -------
    Series
        Open, High, Low, Close, Volume, Adj Close: (3270, 6) for the first three.

    Examples
    --------
    >>> from apalu_ref import datasets
    >>> ibm = datasets.stocks("IBM", source="bundled")
    >>> ibm.dates[0], float(ibm.values[0, 3])
    (np.datetime64('2000-03-01'), 100.25)
    """
    found = find("stocks", source)
    (path,), known = found.paths(), found.verify()
    table = read_table(path, _STOCKS, text=("Ticker", "Date"))
    one_of("ticker", ticker, tuple(map(str, np.unique(table["Ticker"]))))
    chosen = table["Ticker"] == ticker
    try:
        dates = table["Date"][chosen].astype("datetime64[D]")
    except ValueError as error:
        raise DatasetError(f"{path}: expected dates such as 2000-03-01 ({error})") from None
    if not (dates[1:] > dates[:-1]).all():
        raise DatasetError(f"{path}: expected the dates of {ticker} in order, each once")
    return Series(
        name="stocks",
        part=ticker,
        source=found.source,
        verified=known,
        dates=dates,
        values=np.stack([table[column][chosen] for column in _STOCKS[2:]], axis=1),
        columns=_STOCKS[2:],
    )
