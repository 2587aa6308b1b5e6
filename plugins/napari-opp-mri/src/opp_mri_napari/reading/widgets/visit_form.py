"""The form of a visit: what was found of the open lesion besides its lengths."""

from collections.abc import Mapping
from typing import Any, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QPushButton, QVBoxLayout, QWidget

from opp_mri.domain.columns.column import Column, Kind
from opp_mri.domain.columns.visit import VISIT_COLUMNS
from opp_mri_napari.reading.widgets.parts import Line, shrink

COLUMNS: Final = tuple(column for column in VISIT_COLUMNS if column.name != "lesion_id")
NOT_RECORDED: Final = "not recorded"


class VisitForm(QWidget):
    """Takes the findings of one visit; a field that stays empty is left as it is."""

    visit_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, QComboBox | Line] = {}
        form = QFormLayout()
        for column in COLUMNS:
            field = (
                _build_choices(column) if column.allowed or column.kind is Kind.BOOLEAN else Line()
            )
            if isinstance(field, Line):
                field.setPlaceholderText(column.how_to_write)
            field.setToolTip(column.help_text)
            self.fields[column.name] = field
            form.addRow(column.heading, field)
        self.record = QPushButton("Record the visit")
        self.record.clicked.connect(lambda: self.visit_wanted.emit(self.get_cells()))
        form.addRow(self.record)
        column_of_widgets = QVBoxLayout(self)
        column_of_widgets.addLayout(form)
        column_of_widgets.addStretch(1)

    def begin(self, cells: Mapping[str, str]) -> None:
        """Begin with what is recorded of the visit, by the names of the table's columns."""
        for name, field in self.fields.items():
            if isinstance(field, QComboBox):
                field.setCurrentIndex(max(0, field.findData(cells.get(name, ""))))
            else:
                field.setText(cells.get(name, ""))

    def get_cells(self) -> dict[str, str]:
        """Return what was written, by the names of the table's columns."""
        return {
            name: str(field.currentData() if isinstance(field, QComboBox) else field.text().strip())
            for name, field in self.fields.items()
        }


def _build_choices(column: Column[Any]) -> QComboBox:
    box = QComboBox()
    shrink(box)
    box.addItem(NOT_RECORDED, "")
    if column.kind is Kind.BOOLEAN:
        box.addItem("yes", "true")
        box.addItem("no", "false")
    for code, words in column.allowed.items():
        box.addItem(words if words.startswith(code) else f"{code}: {words}", code)
    return box
