"""What asks a reader something: sign-off, reasons, not measurable, a lesion, a finding."""

from collections.abc import Mapping
from html import escape
from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent, QShowEvent
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

from opp_mri.domain.measurement import VERTEBRAE, Answer
from opp_mri.domain.timeline import EventKind, Exclusion, OtherBoneLesions
from opp_mri_napari.reading.basics.key_table import KeyGroups
from opp_mri_napari.reading.panels.panel_views import SignOffView
from opp_mri_napari.reading.widgets.looks import BANNER, BIG, QUIET
from opp_mri_napari.reading.widgets.parts import Line, PlainLabel, shrink
from opp_mri_napari.reading.widgets.visit_form import VisitForm

REASONS: Final = (
    "Motion",
    "Metal artefact",
    "Margins indistinct",
    "Lesion partly outside the images",
    "Fat suppression failed",
    "Wrong sequence or no contrast",
)
CHOOSE_LEVEL: Final = "choose the vertebra"
ADD, CORRECT = "Add the lesion", "Record the correction"
NO_SEED: Final = "not set: the middle of the baseline caliper is used"
ERROR: Final = "color: #ffb38a; font-size: 13px;"


class SignOff(QWidget):
    """Names what is missing first, then what is signed."""

    signed = Signal()
    accepted = Signal(bool)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title, self.missing, self.drafts = PlainLabel(), PlainLabel(), PlainLabel()
        self.statement = PlainLabel()
        self.anyway = QCheckBox("Sign what is there; the rest stays unread")
        self.sign, self.cancel = QPushButton("Sign (Enter)"), QPushButton("Back (Esc)")
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
        self.anyway.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for button in (self.sign, self.cancel):  # Enter signs, whatever has the focus
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.anyway.toggled.connect(self.accepted)
        self.sign.clicked.connect(self.signed)
        self.cancel.clicked.connect(self.cancelled)

    def show_view(self, view: SignOffView, *, is_accepted: bool, obstacle: str) -> None:
        """Show what a signature covers, and whether it can be given."""
        if self.anyway.isChecked() != is_accepted:
            self.anyway.setChecked(is_accepted)
        self.sign.setEnabled(not obstacle)
        self.sign.setToolTip(obstacle)
        self.title.setText(f"Sign off {view.lesion}")
        self.missing.setVisible(bool(view.missing))
        self.anyway.setVisible(bool(view.missing))
        self.missing.setText("Not read yet:\n" + "\n".join(view.missing))
        self.drafts.setText(
            "To be signed:\n" + "\n".join(view.drafts)
            if view.drafts
            else "There is nothing to sign."
        )
        self.statement.setText(view.statement if view.drafts else "")


class ReasonForm(QWidget):
    """Asks for a reason before something is recorded."""

    submitted = Signal(str)
    cancelled = Signal()

    def __init__(self, question: str, record: str, leave: str) -> None:
        super().__init__()
        self.line = Line()
        self.line.setPlaceholderText("reason")
        self.question = QLabel(question)
        self.question.setStyleSheet(BIG)
        self.question.setWordWrap(True)
        keep, back = QPushButton(record), QPushButton(f"{leave} (Esc)")
        column = QVBoxLayout(self)
        for widget in (self.question, self.line, keep, back):
            column.addWidget(widget)
        column.addStretch(1)
        self.line.returnPressed.connect(self._give)
        keep.clicked.connect(self._give)
        back.clicked.connect(self.cancelled)

    def ask(self, question: str) -> None:
        """Ask something else."""
        self.question.setText(question)

    def _give(self) -> None:
        if self.line.text().strip():
            text = self.line.text()
            self.line.clear()
            self.submitted.emit(text)


class AnswerForm(QWidget):
    """Takes an answer that is not a line: 0 for gone, 1 to 6 for why it cannot be measured."""

    answered = Signal(object, str)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.title = QLabel()
        self.title.setStyleSheet(BIG)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        gone_button = QPushButton("0   Abnormality gone (0.0 mm)")
        gone_button.clicked.connect(lambda: self.answered.emit(Answer.GONE, ""))
        column.addWidget(gone_button)
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
        ("birth_year", "Year of birth", "instead of the age"),
        ("exclusions", "Excluded by", ", ".join(exclusion.value for exclusion in Exclusion)),
        ("last_contact_date", "Last contact", "2025-01-31"),
        ("death_date", "Death", ""),
    )

    def __init__(self) -> None:
        super().__init__()
        self.fields = {name: Line() for name, _, _ in self.FIELDS}
        self.level = QComboBox()
        self.level.addItems([CHOOSE_LEVEL, *VERTEBRAE])
        self.add = QPushButton(ADD)
        self.seed = QLabel(NO_SEED)
        self.errors = PlainLabel()
        self.errors.setStyleSheet(ERROR)
        self.errors.setWordWrap(True)
        self.seed.setStyleSheet(QUIET)
        self.seed.setWordWrap(True)
        self.day, self.value = Line(), QComboBox()
        self.kind = QComboBox()
        tabs = QTabWidget()
        tabs.addTab(self._build_lesion_page(), "Lesion")
        tabs.addTab(self._build_event_page(), "Event")
        self.visit = VisitForm()
        tabs.addTab(self.visit, "Visit")
        column = QVBoxLayout(self)
        column.addWidget(tabs)
        column.addWidget(self.errors)
        back = QPushButton("Back (Esc)")
        back.clicked.connect(self.cancelled)
        column.addWidget(back)
        column.addStretch(1)

    def begin(self, cells: Mapping[str, str] | None) -> None:
        """Begin empty, or with the values of a lesion that is corrected."""
        values = cells or {}
        for name, line in self.fields.items():
            line.setText(values.get(name, ""))
        self.level.setCurrentText(values.get("level", CHOOSE_LEVEL))
        self.fields["lesion_id"].setReadOnly(cells is not None)
        self.add.setText(ADD if cells is None else CORRECT)
        self.day.clear()
        self._offer_values(self.kind.currentText())

    def show_state(self, seed: Mapping[str, str], error: str, proposed_id: str) -> None:
        """Show the seed, that of a lesion that is corrected too, and what is wrong."""
        at = f"column {seed['seed_column']}, row {seed['seed_row']}" if seed else NO_SEED
        self.seed.setText(at)
        self.errors.setText(error)
        if not self.fields["lesion_id"].text():
            self.fields["lesion_id"].setText(proposed_id)

    def get_cells(self) -> dict[str, str]:
        """Return what was written, by the names of a lesion table's columns."""
        cells = {name: line.text().strip() for name, line in self.fields.items()}
        level = self.level.currentText()
        return {**cells, "level": "" if level == CHOOSE_LEVEL else level}

    def _build_lesion_page(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.addRow("Level", self.level)
        for name, words, example in self.FIELDS:
            self.fields[name].setPlaceholderText(example)
            form.addRow(words, self.fields[name])
        pick = QPushButton("Click into the lesion …")
        pick.clicked.connect(self.seed_wanted)
        form.addRow(pick, self.seed)
        self.add.clicked.connect(lambda: self.lesion_wanted.emit(self.get_cells()))
        form.addRow(self.add)
        return page

    def _build_event_page(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        self.day.setPlaceholderText("2024-05-01")
        self.kind.addItems([kind.value for kind in EventKind])
        self.value.setEditable(True)
        self.kind.currentTextChanged.connect(self._offer_values)
        self._offer_values(self.kind.currentText())
        for box in (self.kind, self.value):
            shrink(box)
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
            EventKind.OTHER_BONE_LESIONS.value: [lesions.value for lesions in OtherBoneLesions],
            EventKind.EXCLUSION.value: [exclusion.value for exclusion in Exclusion],
        }.get(kind, [""])
        self.value.clear()
        self.value.addItems(values)


class KeySheet(QWidget):
    """Shows what keys and mouse do, in groups; a word narrows it."""

    def __init__(self, groups: KeyGroups) -> None:
        super().__init__()
        self._groups = groups
        self.search, self.sheet = Line(), QLabel()
        self.search.setPlaceholderText("search keys")
        self.search.setClearButtonEnabled(True)
        self.search.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.sheet.setWordWrap(True)
        self.sheet.setStyleSheet("font-size: 12px;")
        self.search.textChanged.connect(self._show)
        column = QVBoxLayout(self)
        column.addWidget(self.search)
        column.addWidget(self.sheet)
        column.addStretch(1)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Fill the sheet when it is wanted: laying out its tables takes a tenth of a second."""
        if not self.sheet.text():
            self._show("")
        super().showEvent(event)

    def begin(self) -> None:
        """Show all keys, and take what is typed as the search."""
        self.search.clear()
        self.search.setFocus()

    def _show(self, words: str) -> None:
        tables = []
        for group, rows in self._groups:
            cells = "".join(
                "<tr><td style='padding: 1px 12px 1px 0'><b>"
                f"{escape(keys)}</b></td><td>{escape(does)}</td></tr>"
                for keys, does in rows
                if all(word in f"{group} {keys} {does}".casefold()
                       for word in words.casefold().split())
            )  # fmt: skip
            if cells:
                tables.append(f"<p><b>{escape(group)}</b></p><table>{cells}</table>")
        self.sheet.setText("".join(tables) or "No key matches.")
