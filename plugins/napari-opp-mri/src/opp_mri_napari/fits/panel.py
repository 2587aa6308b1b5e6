"""The panel next to the images: what is proposed, what was decided, and what went wrong."""

from html import escape
from typing import Final

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from opp_mri.domain.registration import Verdict
from opp_mri_napari.fits.presenter import KEY_SHEET, FitReviewPresenter
from opp_mri_napari.fits.words import FitWords, describe_confirming, fit_words
from opp_mri_napari.shared.labels import make_label, show_text

WIDTH_PX: Final = 430
# blue, yellow, vermilion: distinguishable with all common kinds of colour vision
VERDICT_STYLES: Final = {
    Verdict.GOOD: "background: #0072b2; color: white;",
    Verdict.DOUBTFUL: "background: #f0e442; color: black;",
    Verdict.FAILED: "background: #d55e00; color: white;",
}
BOX: Final = "padding: 8px; border-radius: 4px;"


class FitPanel(QWidget):
    """Shows what a presenter holds; its line takes the reason that a second decision needs."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(WIDTH_PX)
        self.warning = make_label("background: #f0e442; color: black; font-size: 15px;" + BOX)
        self.progress = make_label("color: #b8c4ce; font-size: 14px;")
        self.title = make_label("font-size: 21px; font-weight: bold;")
        self.dates = make_label("font-size: 15px;")
        self.verdict = make_label("font-size: 21px; font-weight: bold;" + BOX)
        self.reasons = make_label("font-size: 15px;")
        self.numbers = make_label("font-size: 15px;")
        self.decided = make_label("font-size: 16px; font-weight: bold;")
        self.ask = make_label("font-size: 15px; color: #f0e442;")
        self.reason = QLineEdit()
        self.reason.setStyleSheet("font-size: 16px; padding: 6px;")
        self.reason.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.reason.setPlaceholderText("reason")
        self.notice = make_label("font-size: 14px; color: #b8c4ce;")
        self.statement = make_label("font-size: 15px; font-weight: bold;")
        self.keys = make_label("font-size: 14px;")
        column = QVBoxLayout(self)
        column.setSpacing(10)
        for widget in (
            self.warning, self.progress, self.title, self.dates, self.verdict, self.reasons,
            self.numbers, self.decided, self.ask, self.reason, self.notice,
        ):  # fmt: skip
            column.addWidget(widget)
        column.addStretch(1)
        column.addWidget(self.statement)
        column.addWidget(self.keys)

    def show_state(self, presenter: FitReviewPresenter) -> None:
        """Show what the presenter holds."""
        words = fit_words(presenter.current)
        show_text(self.warning, presenter.warning)
        show_text(self.notice, presenter.notice)
        self.progress.setText(
            f"Fit {presenter.position + 1} of {len(presenter.items)}, "
            f"{presenter.undecided} undecided"
        )
        self.title.setText(words.title)
        self.dates.setText(words.dates)
        self.verdict.setText(f"Proposed: {words.verdict.value}")
        self.verdict.setStyleSheet(
            VERDICT_STYLES[words.verdict] + "font-size: 21px; font-weight: bold;" + BOX
        )
        self.reasons.setText(" ".join(words.reasons))
        self.numbers.setText(_format_table(words.numbers))
        self.decided.setText(_format_decision(words))
        self._show_reason(presenter)
        self.statement.setText(describe_confirming(presenter.current))
        can_confirm = words.verdict is not Verdict.FAILED
        self.keys.setText(_format_keys(full=presenter.show_keys, can_confirm=can_confirm))
        for widget in (self.reasons, self.numbers):
            widget.setVisible(not presenter.show_keys)

    def _show_reason(self, presenter: FitReviewPresenter) -> None:
        is_asking = presenter.pending is not None
        if is_asking and self.reason.isHidden():
            self.reason.clear()
        show_text(self.ask, presenter.question)
        self.reason.setVisible(is_asking)


def _format_decision(words: FitWords) -> str:
    if not words.decisions:
        return "Undecided"
    latest, *earlier = (escape(decision) for decision in words.decisions)
    rest = "".join(
        f"<br><span style='font-weight: normal'>before: {decision}</span>" for decision in earlier
    )
    return f"{latest[0].upper()}{latest[1:]}{rest}"


def _format_keys(*, full: bool, can_confirm: bool) -> str:
    if full:
        return _format_table(KEY_SHEET)
    confirm = "<b>C</b> confirm &nbsp; " if can_confirm else ""
    return (
        f"{confirm}<b>R</b> reject &nbsp; <b>Space</b> blink &nbsp; "
        "<b>B</b> before/after &nbsp; <b>N</b> next &nbsp; <b>F1</b> all keys"
    )


def _format_table(rows: tuple[tuple[str, str], ...]) -> str:
    cells = "".join(
        f"<tr><td style='padding: 2px 12px 2px 0; white-space: nowrap'><b>{escape(name)}</b></td>"
        f"<td style='padding: 2px 0'>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>"
