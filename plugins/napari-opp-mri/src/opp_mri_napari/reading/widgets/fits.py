"""The fit review, brought up from the reading room and closed back into it."""

import napari

from opp_mri.errors import OppMriError
from opp_mri_napari.fits.presenter import FitReviewPresenter
from opp_mri_napari.fits.window import FitReviewWindow
from opp_mri_napari.reading.widgets.window import RoomWindow


def review_in_room(window: RoomWindow) -> None:
    """Bring up the fits of the open lesion; when their window closes the panes are linked anew."""
    session, room = window.room.session, window.room
    lesion = session.lesion
    try:
        presenter = FitReviewPresenter(
            session.project, session.reader, [lesion.lesion.lesion_id] if lesion else []
        )
    except OppMriError as error:
        session.warning = str(error)
        return
    viewer = napari.Viewer(title="OPP fit review")
    review = FitReviewWindow(viewer, presenter)

    def closed() -> None:
        review.close()
        room.navigation.reload()
        window.refresh()

    viewer.window._qt_window.destroyed.connect(lambda *_: closed())
