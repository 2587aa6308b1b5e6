"""Load a volume: native voxels, in order of position, with their place in the patient."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opp_mri.dicom.headers.template import Templates
from opp_mri.dicom.pixels import CODECS, WITHOUT_CODEC, FramePixels, read_frames
from opp_mri.domain.geometry import Volume, VolumeGeometry
from opp_mri.domain.imaging import FrameReference, SourceFile, Usability, VolumeDescription
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.errors import GeometryError, InputError

EXACT_IN_FLOAT32: Final = 2**24
INT16: Final = np.iinfo(np.int16)


def load_volume(
    description: VolumeDescription,
    sources: Mapping[str, SourceFile],
) -> Volume:
    """Read the voxels of a volume.

    Parameters
    ----------
    description
        What to load; its usability must be `VOLUME`.
    sources
        SOPInstanceUID to the file that holds it.

    Returns
    -------
    Volume
        Rescaled voxels, shape (slices, rows, columns), k along increasing position. int16 where
        every value is a whole number in its range; else float32; float64 only for whole
        numbers beyond 2**24, which float32 cannot hold.

    Raises
    ------
    GeometryError
        The slices make no volume; the text is the description's refusal.
    InputError
        A file is gone, damaged, or another one than was indexed.
    """
    geometry = build_geometry(description)
    voxels = _read_voxels(description, geometry.shape_kji[1:], sources)
    return Volume(volume_id=description.volume_id, geometry=geometry, voxels=voxels)


def load_stack(
    description: VolumeDescription,
    sources: Mapping[str, SourceFile],
) -> NDArray[np.generic]:
    """Read the images of a volume to be looked at one by one, whatever their distances.

    Parameters
    ----------
    description
        Its usability is `VOLUME` or `IN_PLANE`, so that a length can be taken on each image.
    sources
        As for `load_volume`.

    Returns
    -------
    ndarray
        Rescaled values, shape (frames, rows, columns), in the order of `description.planes`.

    Raises
    ------
    GeometryError
        No length can be taken on these images; the text says why.
    InputError
        A file is gone, damaged, or another one than was indexed.
    """
    if description.usability is Usability.NOTHING or not description.planes:
        raise GeometryError(description.refusal or "No length can be taken on these images.")
    first = description.planes[0]
    return _read_voxels(description, (first.rows, first.columns), sources)


def build_geometry(description: VolumeDescription) -> VolumeGeometry:
    """Return the grid of a volume in patient LPS from its planes, without reading pixels.

    Raises
    ------
    GeometryError
        The slices make no volume; the text is the description's refusal.
    """
    spacing_mm = description.slice_spacing_mm
    if description.usability is not Usability.VOLUME or spacing_mm is None:
        raise GeometryError(description.refusal or "These slices do not make a volume.")
    first = description.planes[0]
    return VolumeGeometry(
        frame_of_reference_uid=first.frame_of_reference_uid,
        origin_lps_mm=first.position_lps_mm,
        directions=np.array([first.normal, first.column_direction, first.row_direction]),
        spacing_kji_mm=(spacing_mm, first.row_spacing_mm, first.column_spacing_mm),
        shape_kji=(len(description.planes), first.rows, first.columns),
    )


def _read_voxels(
    description: VolumeDescription,
    shape: tuple[int, ...],
    sources: Mapping[str, SourceFile],
) -> NDArray[np.generic]:
    block = np.empty((len(description.frames), *shape), dtype=np.uint16)
    is_coded = description.instance.transfer_syntax_uid not in WITHOUT_CODEC | {""}
    frames = _read(description.frames, sources, block, callers=CODECS.count if is_coded else 1)
    if any(frame.stored.shape != shape for frame in frames):
        raise InputError(
            f"The images of volume {description.volume_id} are not of {shape[0]} rows and "
            f"{shape[1]} columns as they were when indexed: index again."
        )
    return _rescale_frames(frames, block)


def _read(
    references: Sequence[FrameReference],
    sources: Mapping[str, SourceFile],
    block: NDArray[np.uint16],
    *,
    callers: int,
) -> list[FramePixels]:
    """Read each file once, and give the frames in the order of references.

    The stored values are read into the slices of `block` where they fit there. Several callers
    read files at the same time, each with a process of codecs.
    """
    places_by_uid: dict[str, list[int]] = defaultdict(list)
    for place, reference in enumerate(references):
        places_by_uid[reference.sop_instance_uid].append(place)
    if absent := places_by_uid.keys() - sources.keys():
        raise InputError(
            f"{len(absent)} of the {len(places_by_uid)} files of this volume are not in the "
            "catalogue: index their folder again."
        )
    templates = Templates()

    def read_file(uid: str) -> list[FramePixels]:
        places = places_by_uid[uid]
        numbers = [references[place].frame_number for place in places]
        targets = [block[place] for place in places]
        pixels = read_frames(sources[uid], numbers, targets, templates if callers == 1 else None)
        if any(frame.sop_instance_uid != get_uid_in_file(uid) for frame in pixels):
            raise InputError(
                f"{sources[uid].name} holds another image than when it was indexed: index again."
            )
        return pixels

    frames: dict[int, FramePixels] = {}
    with _open_threads(callers) as read_all:
        for places, pixels in zip(
            places_by_uid.values(), read_all(read_file, places_by_uid), strict=True
        ):
            frames.update(zip(places, pixels, strict=True))
    return [frames[place] for place in range(len(references))]


@contextmanager
def _open_threads(count: int) -> Iterator[Callable[..., Iterable[list[FramePixels]]]]:
    """Give a `map` of several threads; the usual one for a single caller."""
    if count == 1:
        yield map
        return
    pool = ThreadPoolExecutor(count)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)  # after an error nothing more is decoded


def _rescale_frames(
    frames: Sequence[FramePixels], block: NDArray[np.uint16]
) -> NDArray[np.generic]:
    """Apply slope and intercept and choose the smallest type that keeps the values exact.

    Values that need no rescale and are in `block` already stay where they are.
    """
    dtype = _choose_voxel_type(frames)
    is_unscaled = all(frame.slope == 1 and frame.intercept == 0 for frame in frames)
    voxels: NDArray[np.generic]
    if dtype is np.int16 and is_unscaled:
        voxels = block.view(np.int16)  # of these values, signed or not, the bits are the same
    else:
        voxels = np.empty(block.shape, dtype=dtype)
    scaled_values = np.empty(block.shape[1:], dtype=np.float64)
    for voxel_slice, frame in zip(voxels, frames, strict=True):
        if np.may_share_memory(voxel_slice, frame.stored):
            continue
        if frame.slope == 1 and frame.intercept == 0:
            voxel_slice[...] = frame.stored
        else:
            np.multiply(frame.stored, frame.slope, out=scaled_values)
            np.add(scaled_values, frame.intercept, out=scaled_values)
            voxel_slice[...] = scaled_values
    return voxels


def _choose_voxel_type(frames: Sequence[FramePixels]) -> type[np.generic]:
    whole = all(
        frame.largest is not None and frame.slope.is_integer() and frame.intercept.is_integer()
        for frame in frames
    )
    if not whole:
        return np.float32
    ends = [
        float(end) * frame.slope + frame.intercept
        for frame in frames
        for end in (frame.smallest, frame.largest)
        if end is not None
    ]
    if INT16.min <= min(ends) and max(ends) <= INT16.max:
        return np.int16
    return np.float32 if max(map(abs, ends)) <= EXACT_IN_FLOAT32 else np.float64
