"""The growth curve, live, and what the rules say of it."""

from typing import Any, Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from opp_mri_napari.reading.panels.panel_views import TimelineView
from opp_mri_napari.reading.widgets.looks import BIG, CATEGORIES, QUIET
from opp_mri_napari.reading.widgets.parts import PlainLabel
from opp_mri_napari.shared.text_scale import restyle

LEAST_PX: Final = 390
SENTENCES_PX: Final = 74  # four lines; more can be scrolled


class TimelinePanel(QWidget):
    """Shows lengths over weeks; a point that is clicked asks for its cell."""

    cell_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.category, self.rule, self.margin = PlainLabel(), PlainLabel(), PlainLabel()
        self.sentences, self.hidden = PlainLabel(), PlainLabel()
        self.plot: Any = None
        self.more = QScrollArea()
        self.more.setWidget(self.sentences)
        self.more.setWidgetResizable(True)
        self.more.setFrameShape(QScrollArea.Shape.NoFrame)
        self.more.setFixedHeight(SENTENCES_PX)
        self._place = QVBoxLayout()
        self._shown: TimelineView | None = None
        self._scale = 1.0
        self.setMinimumHeight(LEAST_PX)
        self._build()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 4)
        self.category.setStyleSheet(BIG)
        self.rule.setStyleSheet("font-size: 14px;")
        for label in (self.margin, self.sentences, self.hidden):
            label.setStyleSheet(QUIET)
        line = QHBoxLayout()
        line.addWidget(self.category)
        line.addWidget(self.rule, 1)
        column.addLayout(line)
        column.addWidget(self.hidden)
        column.addLayout(self._place, 1)
        column.addWidget(self.margin)
        column.addWidget(self.more)
        for label in (self.rule, self.margin, self.sentences, self.hidden):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def set_scale(self, scale: float) -> None:
        """Give sentences and curve the room and the size of a larger or smaller text."""
        self._scale = scale
        self.more.setFixedHeight(round(SENTENCES_PX * scale))
        if self.plot is not None:
            self.plot.set_scale(scale)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been shown yet."""
        return self._shown is None

    def show_view(self, view: TimelineView) -> None:
        """Show a growth curve and its category."""
        if view == self._shown:
            return
        self._shown = view
        if self.plot is None and not view.hidden:
            self.prepare()
        for widget in (self.category, self.rule, self.margin, self.more, self.plot):
            if widget is not None:
                widget.setVisible(not view.hidden)
        self.hidden.setVisible(bool(view.hidden))
        self.hidden.setText(view.hidden)
        if view.hidden:
            return
        self.category.setVisible(bool(view.category))
        ground, ink = CATEGORIES.get(view.category, ("#3a444d", "#ffffff"))
        self.category.setText(view.category.replace("_", " ").lower().capitalize()
                              if len(view.category) > 3 else view.category)  # fmt: skip
        restyle(
            self.category,
            f"{BIG} background: {ground}; color: {ink}; padding: 3px 9px; border-radius: 4px;",
        )
        self.rule.setText(view.rule)
        self.margin.setText(view.margin)
        self.sentences.setText("\n".join(view.sentences))
        self.plot.show_view(view)

    def prepare(self) -> None:
        """Have the plot ready; it takes a moment to load, so the window comes up without it."""
        from opp_mri_napari.reading.widgets.growth_plot import GrowthPlot

        if self.plot is None:
            self.plot = GrowthPlot()
            self.plot.set_scale(self._scale)
            self.plot.cell_wanted.connect(self.cell_wanted)
            self.plot.setVisible(False)
            self._place.addWidget(self.plot)
