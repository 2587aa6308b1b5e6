"""Which of several images is meant whose files have one SOPInstanceUID."""

from collections.abc import Callable
from contextlib import suppress

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.repeated_uid import build_repeated_uid
from opp_mri.errors import GeometryError, OppMriError
from opp_mri.store.protocol import Store


def name_in_catalogue(
    store: Store, uid: str, role_of: Callable[[str], SeriesRole | None], role: SeriesRole | None
) -> str:
    """Return the catalogue's name of the image with this UID in its file.

    Parameters
    ----------
    role_of
        Gives the role of a fitting image; raises OppMriError for one of another patient or day.
    role
        The sequence that is meant; None for any.

    Raises
    ------
    GeometryError
        Several images have this UID, and not exactly one of them fits.
    """
    names = [uid]
    while store.get_instance(build_repeated_uid(names[-1])) is not None:
        names.append(build_repeated_uid(names[-1]))
    if len(names) == 1:
        return uid
    fitting_names = []
    for name in names:
        with suppress(OppMriError):
            if role in (None, role_of(name)):
                fitting_names.append(name)
    if len(fitting_names) != 1:
        raise GeometryError(
            f"{len(names)} images that differ have the SOPInstanceUID {uid}, and the row does not "
            "identify one: give study_date and sequence, or measure in the reading room."
        )
    return fitting_names[0]
