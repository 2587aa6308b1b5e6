"""Images of a blinded package: the same lesion and the same lengths in other pixels and headers.

A case may come back to its reader unannounced, and what a file says next to its image may tell the
date. So each image is decoded and written again: trimmed at its edges, scaled in intensity, with a
little noise, and placed elsewhere in the patient's coordinates. Pixel spacing, the grid inside the
trimmed edges and the anteroposterior axis stay, and with them every length.
"""

import hashlib
import hmac
import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from pydicom import Dataset
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray, Vector3
from opp_mri.errors import InputError

SMALLEST_TRIMMED: Final = 96  # pixels across: smaller images keep their edges
TRIM_SHARE: Final = 0.02  # of an edge, at most, at each side
SCALE_RANGE: Final = (0.85, 1.15)
NOISE_SHARE: Final = 0.1  # SD of the added noise, of the image's own: the sum has 0.5% more
SHIFT_MM: Final = 40.0
TURN_ABOUT_AP_DEG: Final = 2.0
TURN_OF_AP_DEG: Final = 0.1  # 20 mm along an axis turned so far are 0.00003 mm shorter
DECIMALS: Final = 9

# Laplacian differences, blind to edges of slow change (Immerkaer, Comput Vis Image Underst 1996)
_NOISE_KERNEL: Final = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])

Pixels = NDArray[np.int64]


@frozen(kw_only=True)
class Trim:
    """Pixels that are cut off an image.

    Parameters
    ----------
    left, right, top, bottom
        Columns and rows; a point of the copy lies `left` columns and `top` rows further in the
        original.
    """

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


@frozen(kw_only=True, eq=False)
class Disguise:
    """What makes the images of a series in a package other images.

    Parameters
    ----------
    trim
        What is cut off each image.
    scale
        Factor of the stored values.
    rotation
        Shape (3, 3), of the patient's coordinates (LPS), about their origin.
    shift_lps_mm
        Added after the rotation, mm.
    noise_seed
        Of the noise that is added.
    noise_share
        SD of the added noise, of the image's own; below it, so that no edge moves to be seen.
    """

    trim: Trim
    scale: float
    rotation: FloatArray
    shift_lps_mm: Vector3
    noise_seed: int
    noise_share: float = NOISE_SHARE


def derive_disguise(
    secret: bytes, case: str, *, series: str, frame_of_reference: str, rows: int, columns: int
) -> Disguise:
    """Draw the disguise of a series in a case of a package.

    Series in one frame of reference keep their places in it relative to each other.

    Parameters
    ----------
    secret
        Of the package: without it nothing here can be predicted or undone.
    case
        A patient who comes back has another case, and so another disguise.
    rows, columns
        Of the original images.
    """
    of_series = _make_generator(secret, f"{case}/series/{series}")
    of_frame = _make_generator(secret, f"{case}/frame/{frame_of_reference or series}")
    return Disguise(
        trim=_trim(of_series, rows, columns),
        scale=float(of_series.uniform(*SCALE_RANGE)),
        noise_seed=int(of_series.integers(2**63)),
        rotation=_draw_rotation(of_frame),
        shift_lps_mm=tuple(of_frame.uniform(-SHIFT_MM, SHIFT_MM, 3).round(3).tolist()),
    )


def put_on(dataset: Dataset, frames: Sequence[NDArray[np.integer]], disguise: Disguise) -> None:
    """Set the disguised pixels and geometry of a dataset; it is changed in place.

    Parameters
    ----------
    dataset
        What may pass of a header, without pixels.
    frames
        Stored values of every frame, each of shape (rows, columns).

    Raises
    ------
    InputError
        The image is in colour, or its stored values are not whole numbers.
    """
    if any(frame.ndim != 2 or frame.dtype.kind not in "iu" for frame in frames):
        raise InputError(
            "An image in colour, or of values that are not whole numbers, cannot be read blind: "
            "leave it out, or have it written as a greyscale image."
        )
    trim = disguise.trim
    rows, columns = frames[0].shape
    generator = np.random.default_rng(disguise.noise_seed)
    signed = bool(dataset.get("PixelRepresentation", 0))
    bits = int(dataset.get("BitsStored", 16))
    stored_frames = [
        _change_values(
            frame[trim.top : rows - trim.bottom, trim.left : columns - trim.right],
            disguise,
            generator,
            _find_limits(bits, signed=signed),
        )
        for frame in frames
    ]
    wide = bits > 16
    dtype = np.dtype(("<i" if signed else "<u") + ("4" if wide else "2"))
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 32 if wide else 16, bits, bits - 1
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = stored_frames[0].shape
    dataset.PixelData = np.stack(stored_frames).astype(dtype).tobytes()
    dataset["PixelData"].VR = "OW"
    _place_elsewhere(dataset, disguise)


def estimate_noise_sd(pixels: NDArray[np.integer]) -> float:
    """Estimate the SD of an image's own noise, in stored values, from its finest differences."""
    rows, columns = pixels.shape
    if min(rows, columns) < 3:
        return 0.0
    differences = ndimage.convolve(pixels.astype(float), _NOISE_KERNEL)[1:-1, 1:-1]
    # the SD of the differences is 6 times that of the noise; the median leaves edges out
    return float(np.median(np.abs(differences)) / 0.6745 / 6.0)


def _make_generator(secret: bytes, purpose: str) -> np.random.Generator:
    digest = hmac.new(secret, purpose.encode(), hashlib.sha256).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _trim(generator: np.random.Generator, rows: int, columns: int) -> Trim:
    if min(rows, columns) < SMALLEST_TRIMMED:
        return Trim()
    across, down = int(columns * TRIM_SHARE), int(rows * TRIM_SHARE)
    left, right = generator.integers(0, across + 1, 2).tolist()
    top, bottom = generator.integers(0, down + 1, 2).tolist()
    return Trim(left=left, right=right, top=top, bottom=bottom)


def _draw_rotation(generator: np.random.Generator) -> FloatArray:
    about_ap = generator.uniform(-TURN_ABOUT_AP_DEG, TURN_ABOUT_AP_DEG)
    about_x, about_z = generator.uniform(-TURN_OF_AP_DEG, TURN_OF_AP_DEG, 2)
    turns = [_turn(0, about_x), _turn(1, about_ap), _turn(2, about_z)]
    rotation: FloatArray = turns[0] @ turns[1] @ turns[2]
    return rotation


def _turn(axis: int, angle_deg: float) -> FloatArray:
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    first, second = ((1, 2), (0, 2), (0, 1))[axis]
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = cosine
    turn[first, second], turn[second, first] = -sine, sine
    return turn


def _find_limits(bits: int, *, signed: bool) -> tuple[int, int]:
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def _change_values(
    pixels: NDArray[np.integer],
    disguise: Disguise,
    generator: np.random.Generator,
    limits: tuple[int, int],
) -> Pixels:
    """Scale an image and add noise; values that are cut off at a limit were so before."""
    low, high = limits
    largest = int(np.abs(pixels.astype(np.int64)).max(initial=1))
    scale = min(disguise.scale, high / largest)
    noise = generator.normal(0.0, disguise.noise_share * estimate_noise_sd(pixels), pixels.shape)
    values: Pixels = np.rint(pixels * scale + noise * scale).astype(np.int64)
    return np.clip(values, low, high)


def _place_elsewhere(dataset: Dataset, disguise: Disguise) -> None:
    """Move each plane by the trimmed edge, then turn and shift the patient's coordinates."""
    turned_ids: set[int] = set()
    moved_ids: set[int] = set()
    for position, orientation, measures in list(_generate_planes(dataset)):
        directions = np.array(orientation.ImageOrientationPatient, dtype=float).reshape(2, 3)
        spacing = [float(value) for value in measures.PixelSpacing]
        corner = np.array(position.ImagePositionPatient, dtype=float)
        if id(orientation) in turned_ids:  # shared by the frames, and turned with the first of them
            directions = directions @ disguise.rotation
        corner = (
            corner
            + directions[0] * disguise.trim.left * spacing[1]
            + directions[1] * disguise.trim.top * spacing[0]
        )
        if id(position) not in moved_ids:
            new_corner = disguise.rotation @ corner + np.array(disguise.shift_lps_mm)
            position.ImagePositionPatient = _get_numbers(new_corner)
            moved_ids.add(id(position))
        if id(orientation) not in turned_ids:
            orientation.ImageOrientationPatient = _get_numbers(directions @ disguise.rotation.T)
            turned_ids.add(id(orientation))


def _generate_planes(dataset: Dataset) -> Iterator[tuple[Dataset, Dataset, Dataset]]:
    """Yield the holders of position, orientation and spacing of each plane that has all three."""
    if all(
        keyword in dataset
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    ):
        yield dataset, dataset, dataset
    shared = _get_first(dataset, "SharedFunctionalGroupsSequence") or Dataset()
    for frame in dataset.get("PerFrameFunctionalGroupsSequence") or ():
        holders = [
            _get_first(frame, keyword) or _get_first(shared, keyword)
            for keyword in (
                "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
            )
        ]  # fmt: skip
        position, orientation, measures = holders
        if position is not None and orientation is not None and measures is not None:
            yield position, orientation, measures


def _get_first(place: Dataset, keyword: str) -> Dataset | None:
    items = place.get(keyword)
    return items[0] if items else None


def _get_numbers(values: FloatArray) -> list[float]:
    """Return numbers that fit a decimal string of 16 characters and lose no length by it."""
    return [round(float(value), DECIMALS) for value in values.ravel()]
