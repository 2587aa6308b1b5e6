"""What asks a reader something: sign-off, reasons, not measurable, a lesion, a finding."""

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from opp_mri.domain.measurement import Answer
from opp_mri.domain.timeline import EventKind, Exclusion, OtherBoneLesions
from opp_mri_napari.reading.views import SignOffView
from opp_mri_napari.reading.widgets.looks import BANNER, BIG, QUIET
from opp_mri_napari.reading.widgets.parts import Line

LEVELS = (
    *(f"C{n}" for n in range(1, 8)), *(f"T{n}" for n in range(1, 14)),
    *(f"L{n}" for n in range(1, 7)), *(f"S{n}" for n in range(1, 6)),
)  # fmt: skip
REASONS = (
    "Motion",
    "Metal artefact",
    "Margins cannot be told",
    "Lesion partly outside the images",
    "Fat suppression failed",
    "Wrong sequence or no contrast",
)
NO_SEED = "not set: the middle of the baseline caliper will serve"
ERROR = "color: #ffb38a; font-size: 13px;"


class SignOff(QWidget):
    """Names what is missing first, then what is signed."""

    signed = Signal()
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title, self.missing, self.drafts = QLabel(), QLabel(), QLabel()
        self.statement = QLabel()
        self.anyway = QCheckBox("Sign what is there; the rest stays unread")
        self.sign, self.cancel = QPushButton("Sign"), QPushButton("Back")
        column = QVBoxLayout(self)
        self.title.setStyleSheet(BIG)
        self.missing.setStyleSheet(BANNER)
        self.statement.setStyleSheet("font-size: 14px;")
        for label in (self.missing, self.drafts, self.statement):
            label.setWordWrap(True)
        for widget in (self.title, self.missing, self.anyway, self.drafts, self.statement):
            column.addWidget(widget)
        line = QHBoxLayout()
        line.addWidget(self.sign)
        line.addWidget(self.cancel)
        column.addLayout(line)
        column.addStretch(1)
        self.anyway.toggled.connect(self._allow)
        self.sign.clicked.connect(self.signed)
        self.cancel.clicked.connect(self.cancelled)
        self._view = SignOffView(lesion="", missing=(), drafts=(), statement="")

    def show_view(self, view: SignOffView) -> None:
        """Show what a signature would cover."""
        self._view = view
        self.anyway.setChecked(False)
        self.title.setText(f"Sign off {view.lesion}")
        self.missing.setVisible(bool(view.missing))
        self.anyway.setVisible(bool(view.missing))
        self.missing.setText("Not read yet:\n" + "\n".join(view.missing))
        self.drafts.setText(
            "To be signed:\n" + "\n".join(view.drafts)
            if view.drafts
            else "Nothing is to be signed."
        )
        self.statement.setText(view.statement if view.drafts else "")
        self._allow()

    def _allow(self) -> None:
        whole = not self._view.missing or self.anyway.isChecked()
        self.sign.setEnabled(bool(self._view.drafts) and whole)


class ReasonForm(QWidget):
    """Asks why a signed answer changes."""

    given = Signal(str)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.line.setPlaceholderText("reason")
        title = QLabel("This answer is signed. Why does it change?")
        title.setStyleSheet(BIG)
        title.setWordWrap(True)
        keep = QPushButton("Record the change")
        back = QPushButton("Leave it as signed")
        column = QVBoxLayout(self)
        for widget in (title, self.line, keep, back):
            column.addWidget(widget)
        column.addStretch(1)
        self.line.returnPressed.connect(self._give)
        keep.clicked.connect(self._give)
        back.clicked.connect(self.cancelled)

    def _give(self) -> None:
        if self.line.text().strip():
            text = self.line.text()
            self.line.clear()
            self.given.emit(text)


class AnswerForm(QWidget):
    """Takes an answer that is no line: 0 for gone, 1 to 6 for why it cannot be measured."""

    answered = Signal(object, str)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        title = QLabel("No line here")
        title.setStyleSheet(BIG)
        column = QVBoxLayout(self)
        column.addWidget(title)
        gone = QPushButton("0   Abnormality gone (0.0 mm)")
        gone.clicked.connect(lambda: self.answered.emit(Answer.GONE, ""))
        column.addWidget(gone)
        column.addWidget(QLabel("Not measurable:"))
        for number, reason in enumerate(REASONS, start=1):
            button = QPushButton(f"{number}   {reason}")
            button.setStyleSheet("text-align: left; padding: 4px 8px;")
            button.clicked.connect(lambda _=False, why=reason: self._say(why))
            column.addWidget(button)
        self.other = Line()
        self.other.setPlaceholderText("another reason, then Enter")
        self.other.returnPressed.connect(lambda: self._say(self.other.text()))
        column.addWidget(self.other)
        back = QPushButton("Back (Esc)")
        back.clicked.connect(self.cancelled)
        column.addWidget(back)
        column.addStretch(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Take a number; Qt calls this."""
        number = event.key() - int(Qt.Key.Key_0)
        if number == 0:
            self.answered.emit(Answer.GONE, "")
        elif 1 <= number <= len(REASONS):
            self._say(REASONS[number - 1])
        elif event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def _say(self, reason: str) -> None:
        if reason.strip():
            self.other.clear()
            self.answered.emit(Answer.NOT_MEASURABLE, reason.strip())


class LesionForm(QWidget):
    """Adds a lesion on a vertebra, or a finding to the open lesion."""

    lesion_wanted = Signal(object)
    event_wanted = Signal(object)
    seed_wanted = Signal()
    cancelled = Signal()

    FIELDS = (
        ("lesion_id", "Lesion id", "such as P07-L1"),
        ("ssrs_first_date", "SSRS, first day", "2024-02-01"),
        ("ssrs_last_date", "SSRS, last day", "the first day, if empty"),
        ("dose_gy", "Dose, Gy", "24"),
        ("fractions", "Fractions", "1"),
        ("histology", "Histology", "renal cell carcinoma"),
        ("sex", "Sex", "M, F or O"),
        ("age_years", "Age, years", ""),
        ("exclusions", "Excluded by", ", ".join(one.value for one in Exclusion)),
    )

    def __init__(self) -> None:
        super().__init__()
        self.fields = {name: Line() for name, _, _ in self.FIELDS}
        self.level = QComboBox()
        self.level.addItems(LEVELS)
        self.level.setCurrentText("L1")
        self.seed = QLabel(NO_SEED)
        self.errors = QLabel()
        self.errors.setStyleSheet(ERROR)
        self.errors.setWordWrap(True)
        self.seed.setStyleSheet(QUIET)
        self.seed.setWordWrap(True)
        self.day, self.value = Line(), QComboBox()
        self.kind = QComboBox()
        tabs = QTabWidget()
        tabs.addTab(self._lesion_page(), "New lesion")
        tabs.addTab(self._event_page(), "Finding or event")
        column = QVBoxLayout(self)
        column.addWidget(tabs)
        column.addWidget(self.errors)
        back = QPushButton("Back (Esc)")
        back.clicked.connect(self.cancelled)
        column.addWidget(back)
        column.addStretch(1)

    def show_state(self, seed: Mapping[str, str], error: str, proposed_id: str) -> None:
        """Show the seed that was clicked, and what is wrong."""
        at = f"column {seed['seed_column']}, row {seed['seed_row']}" if seed else NO_SEED
        self.seed.setText(at)
        self.errors.setText(error)
        if not self.fields["lesion_id"].text():
            self.fields["lesion_id"].setText(proposed_id)

    def cells(self) -> dict[str, str]:
        """Give what was written, by the names of a lesion table's columns."""
        written = {name: line.text().strip() for name, line in self.fields.items()}
        return {**written, "level": self.level.currentText()}

    def clear(self) -> None:
        """Empty the form."""
        for line in (*self.fields.values(), self.day):
            line.clear()
        self._offer_values(self.kind.currentText())

    def _lesion_page(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.addRow("Level", self.level)
        for name, words, example in self.FIELDS:
            self.fields[name].setPlaceholderText(example)
            form.addRow(words, self.fields[name])
        pick = QPushButton("Click into the lesion …")
        pick.clicked.connect(self.seed_wanted)
        form.addRow(pick, self.seed)
        add = QPushButton("Add the lesion")
        add.clicked.connect(lambda: self.lesion_wanted.emit(self.cells()))
        form.addRow(add)
        return page

    def _event_page(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        self.day.setPlaceholderText("2024-05-01")
        self.kind.addItems([kind.value for kind in EventKind])
        self.value.setEditable(True)
        self.kind.currentTextChanged.connect(self._offer_values)
        self._offer_values(self.kind.currentText())
        form.addRow("What", self.kind)
        form.addRow("Value", self.value)
        form.addRow("Date", self.day)
        add = QPushButton("Note it")
        add.clicked.connect(lambda: self.event_wanted.emit(
            {"date": self.day.text().strip(), "event": self.kind.currentText(),
             "value": self.value.currentText().strip()}
        ))  # fmt: skip
        form.addRow(add)
        return page

    def _offer_values(self, kind: str) -> None:
        values = {
            EventKind.OTHER_BONE_LESIONS.value: [one.value for one in OtherBoneLesions],
            EventKind.EXCLUSION.value: [one.value for one in Exclusion],
        }.get(kind, [""])
        self.value.clear()
        self.value.addItems(values)


class KeySheet(QWidget):
    """Shows what keys and mouse do."""

    def __init__(self, rows: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        cells = "".join(
            f"<tr><td style='padding: 1px 12px 1px 0'><b>{keys}</b></td><td>{words}</td></tr>"
            for keys, words in rows
        )
        label = QLabel(f"<table>{cells}</table>")
        label.setWordWrap(True)
        label.setStyleSheet("font-size: 12px;")
        column = QVBoxLayout(self)
        column.addWidget(label)
        column.addStretch(1)
