"""The window that shows key images and saves them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from opp_mri.domain.visible_text import make_line_visible
from opp_mri.errors import OppMriError
from opp_mri_napari.reading.widgets.forms import ERROR
from opp_mri_napari.reading.widgets.parts import PlainLabel

if TYPE_CHECKING:
    from opp_mri.workflow.cohort.key_pictures import KeyImages

BESIDE_PX: Final = 48  # margins and a scroll bar
KINDS: Final = "Strip (*.png *.svg *.pdf);;Slides (*.pptx);;Loop (*.gif)"


class KeyImagesWindow(QDialog):
    """Shows the key images of a lesion; Esc closes it.

    Parameters
    ----------
    images, picture
        What is shown and saved, and its strip as PNG.
    parent
        The window over which it stands.
    """

    def __init__(self, images: "KeyImages", picture: bytes, parent: QWidget) -> None:
        super().__init__(parent)
        self._images = images
        self.setWindowTitle(make_line_visible(f"Key images: {images.title}"))
        self._pixmap = QPixmap()
        self._pixmap.loadFromData(picture)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.picture.setAccessibleDescription(images.strip.in_words)
        self.area = QScrollArea()
        self.area.setWidget(self.picture)
        self.area.setWidgetResizable(True)
        self.identity = QCheckBox("without identity")
        self.identity.setToolTip("Leave names, codes, dates and the reader out of the file.")
        self.save_button, self.close_button = QPushButton("Save as …"), QPushButton("Close")
        self.save_button.clicked.connect(self._choose)
        self.close_button.clicked.connect(self.close)
        self.message = PlainLabel()
        self.message.setWordWrap(True)
        line = QHBoxLayout()
        line.addWidget(self.message, 1)
        for widget in (self.identity, self.save_button, self.close_button):
            line.addWidget(widget)
        column = QVBoxLayout(self)
        column.addWidget(self.area, 1)
        column.addLayout(line)
        room = parent.size()
        self.resize(round(0.9 * room.width()), round(0.7 * room.height()))

    def save(self, path: Path) -> None:
        """Write strip, slides or loop, and say so, or say why not."""
        try:
            self._images.save(path, identity=not self.identity.isChecked())
        except OppMriError as error:
            self.message.setStyleSheet(ERROR)
            self.message.setText(str(error))
            return
        self.message.setStyleSheet("")
        self.message.setText(f"Written: {path}")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Fit the strip into the window's width; Qt calls this."""
        super().resizeEvent(event)
        width = min(event.size().width() - BESIDE_PX, self._pixmap.width())
        self.picture.setPixmap(
            self._pixmap.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        )

    def _choose(self) -> None:
        file_name, _ = QFileDialog.getSaveFileName(self, "Save the key images", "", KINDS)
        if file_name:
            self.save(Path(file_name))
