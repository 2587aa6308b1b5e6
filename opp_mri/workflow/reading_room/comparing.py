"""One time point on the grid of another, along confirmed fits: looked at, never measured on."""

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.resampling import resample_on_grid
from opp_mri.store.protocol import Store
from opp_mri.workflow.registration.align_review import load_volume_of_project


def carry_images(
    store: Store, volume_id: str, other_id: str, other_from_here: RigidTransform
) -> NDArray[np.float32]:
    """Return the images of another volume on the grid of one.

    Parameters
    ----------
    volume_id, other_id
        The volume whose grid is kept, and the one that is resampled.
    other_from_here
        Carries coordinates of the first's frame of reference into those of the second.

    Returns
    -------
    ndarray
        Shape (frames, rows, columns) of the first volume; NaN where the other does not reach.

    Raises
    ------
    InputError, GeometryError
        The images of one cannot be read, or make no volume.
    """
    own_volume, other_volume = (
        load_volume_of_project(store, volume_id),
        load_volume_of_project(store, other_id),
    )
    return resample_on_grid(other_volume, own_volume.geometry, other_from_here)
