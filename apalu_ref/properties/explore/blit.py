"""Draw again only what moves: the axes, ticks and words that stay are kept as a picture.

Drawing all of the window takes 40 ms and more, nearly all of it for what stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure


class Blit:
    """What moves in a figure, and the picture of the rest.

    Parameters
    ----------
    figure : Figure
    moving : sequence of Artist
        In the order in which they are drawn. All belong to axes: an animated artist of the figure
        itself would be missing from a saved picture.
    """

    def __init__(self, figure: Figure, moving: Sequence[Artist]) -> None:
        self._figure, self._moving = figure, moving
        self._picture: Any = None
        if figure.canvas.supports_blit:
            for artist in moving:
                artist.set_animated(True)
            figure.canvas.mpl_connect("draw_event", self._drawn)

    def draw(self, everything: bool) -> None:
        """Bring the figure up to date: what moves, or all of it."""
        canvas: Any = self._figure.canvas
        if everything or self._picture is None:
            self._picture = None
            canvas.draw_idle()
            return
        canvas.restore_region(self._picture)
        self._paint()
        canvas.blit(self._figure.bbox)

    def _drawn(self, event: Any) -> None:
        # While a picture is saved matplotlib draws what moves as well, on another canvas perhaps.
        # A figure that is being closed has a canvas that cannot do anything.
        if event.canvas.supports_blit and not event.canvas.is_saving():
            self._picture = event.canvas.copy_from_bbox(self._figure.bbox)
            self._paint()

    def _paint(self) -> None:
        for artist in self._moving:
            axes = artist.axes
            assert axes is not None
            axes.draw_artist(artist)
