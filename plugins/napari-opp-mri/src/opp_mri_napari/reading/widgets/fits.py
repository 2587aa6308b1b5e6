"""The fit review, brought up from the reading room."""

from collections.abc import Callable, Sequence

from opp_mri.errors import OppMriError
from opp_mri_napari.fits.presenter import FitReviewPresenter
from opp_mri_napari.fits.window import open_fit_window
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.shared.napari_parts import get_main_window


def review_in_room(
    session: Session, fit_ids: Sequence[str], when_closed: Callable[[], None]
) -> None:
    """Bring up the fits of the open lesion.

    Parameters
    ----------
    fit_ids
        Fits that panes advertise, those that were made before the lesion was added too.
    when_closed
        Called when the window of the fits is closed: what links the panes may have changed.
    """
    lesion = session.lesion
    try:
        presenter = FitReviewPresenter(
            session.project, session.reader,
            [lesion.lesion.lesion_id] if lesion else [], fit_ids=fit_ids, write=session.write,
        )  # fmt: skip
    except OppMriError as error:
        session.warn(error)
        return
    review = open_fit_window(presenter)

    def close() -> None:
        review.close()
        when_closed()

    get_main_window(review.viewer).destroyed.connect(lambda *_: close())
