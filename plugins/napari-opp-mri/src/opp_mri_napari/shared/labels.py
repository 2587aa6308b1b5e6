"""Labels of the panels next to the images."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy


def make_label(style: str) -> QLabel:
    """Make a label that wraps its words.

    Parameters
    ----------
    style
        A style sheet of Qt.
    """
    label = QLabel()
    label.setWordWrap(True)
    label.setIndent(0)
    label.setStyleSheet(style)
    label.setTextFormat(Qt.TextFormat.AutoText)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def show_text(label: QLabel, text: str) -> None:
    """Show a text; without a text the label is hidden."""
    label.setText(text)
    label.setVisible(bool(text))
