"""Decode pixels: from any transfer syntax to stored values, with their rescale.

Stored values are what the scanner wrote in BitsStored bits; all lossless transfer syntaxes of an
image give the same ones. What is not compressed is read straight from the file; pydicom decodes the
rest, with the codecs of GDCM and OpenJPEG, these in a process of their own.
"""

import hashlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from opp_mri.dicom.codec_process import CodecPool
from opp_mri.dicom.headers.byte_reader import FileBytes, MemoryBytes
from opp_mri.dicom.headers.object_store import is_object
from opp_mri.dicom.headers.sources import READ_ERRORS, read_source_bytes
from opp_mri.dicom.headers.template import Templates
from opp_mri.dicom.plain_pixels import PLAIN, choose_pixel_type, read_plain_header
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

Pixels = NDArray[Any]  # of the integer type that the file has, or of floats
Target = NDArray[np.uint16]
Header = Dataset | Mapping[str, Any]  # values by keyword
PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
NEEDED: Final = [
    *("SOPInstanceUID", "SOPClassUID", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel"),
    *("PlanarConfiguration", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "RescaleSlope", "RescaleIntercept"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", *PIXELS),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]
# Takes three quarters of the time of GDCM, which pydicom asks first. For lossless images only:
# of others two codecs may give values that differ by rounding.
QUICKEST: Final = "pylibjpeg"
# Read without a codec: the bytes as they are, or run lengths, which pydicom itself unpacks
WITHOUT_CODEC: Final = PLAIN | {
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
}
# What pydicom and the codecs raise on damaged files; a fault of our own is none of these here.
DAMAGE: Final = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError),
    *(ValueError, struct.error, BytesLengthException, InvalidDicomError),
)


@frozen(kw_only=True, eq=False)
class FramePixels:
    """The decoded pixels of one frame.

    Parameters
    ----------
    sop_instance_uid
        The instance that was found in the file.
    stored
        Stored values, shape (rows, columns), or (rows, columns, samples) in colour, in native byte
        order, bits above HighBit removed.
    slope, intercept
        RescaleSlope and RescaleIntercept of this frame; 1 and 0 where there are none.
    inverted
        True for MONOCHROME1, where low values are shown bright; `stored` is left as it is.
    smallest, largest
        The range of `stored` where these are whole numbers; None where they are not. Also None for
        the smallest of unsigned values that need no rescale: it is not needed for their type.
    """

    sop_instance_uid: str
    stored: Pixels = field(repr=False)
    slope: float
    intercept: float
    inverted: bool
    smallest: int | None
    largest: int | None


def read_frames(
    source: SourceFile,
    frame_numbers: Sequence[int],
    targets: Sequence[Target] = (),
    templates: Templates | None = None,
) -> list[FramePixels]:
    """Decode frames of one file.

    Parameters
    ----------
    source
        The file, or the member of an archive.
    frame_numbers
        Frames from 1; a classic instance has frame 1 only.
    targets
        An array for each frame, shape (rows, columns), that may take its stored values, which
        saves a copy: where it did, `stored` is a view of it.
    templates
        Headers of earlier files of the series; like ones are read faster with them.

    Returns
    -------
    list of FramePixels
        In the order of `frame_numbers`.

    Raises
    ------
    InputError
        The pixels are absent, damaged, or coded in a way that no codec here reads.
    """
    with _explain_damage(source):
        plain = _read_plain_frames(source, frame_numbers, targets, templates or Templates())
        if isinstance(plain, list):
            return plain
        if plain not in WITHOUT_CODEC | {""}:
            return _call_codecs(source, frame_numbers)
        dataset = _read_dataset(source, frame_numbers)
        if dataset.file_meta.TransferSyntaxUID in WITHOUT_CODEC:
            return _read_frames(dataset, frame_numbers)
        del dataset  # the other process reads it again
        return _call_codecs(source, frame_numbers)


def _read_plain_frames(
    source: SourceFile,
    frame_numbers: Sequence[int],
    targets: Sequence[Target],
    templates: Templates,
) -> list[FramePixels] | str:
    """Read frames of an uncompressed file of the usual form; of others give the transfer syntax."""
    if source.member or is_object(source.path):
        content = MemoryBytes(read_source_bytes(source))
        return decode_plain_frames(content, frame_numbers, targets, templates)
    try:
        with FileBytes(source.path) as reader:
            return decode_plain_frames(reader, frame_numbers, targets, templates)
    except READ_ERRORS:
        return ""  # the error is explained where pydicom gets it


def decode_plain_frames(
    reader: FileBytes | MemoryBytes,
    frame_numbers: Sequence[int],
    targets: Sequence[Target],
    templates: Templates,
) -> list[FramePixels] | str:
    """Read frames of an uncompressed file from its bytes; of others give the transfer syntax.

    Parameters
    ----------
    reader
        The file. The syntax is "" where it is not known, or something in the file is unusual.
    frame_numbers, targets, templates
        As for `read_frames`.
    """
    header = read_plain_header(reader, frame_numbers, templates)
    if header is None or header.values is None:
        return "" if header is None else header.transfer_syntax_uid
    frames = []
    for place, number in enumerate(frame_numbers):
        values = header.read_frame(reader, number, targets[place] if targets else None)
        if values is None:
            return ""
        frames.append(_build_frame(values, header.values, number, is_encapsulated=False))
    return frames


def _call_codecs(source: SourceFile, frame_numbers: Sequence[int]) -> list[FramePixels]:
    frames: list[FramePixels] = CODECS.call(source, frame_numbers)
    return frames


def explain_not_decodable(transfer_syntax_uid: str) -> str:
    """Explain why pixels in a transfer syntax cannot be decoded here, or "" where they can."""
    if not transfer_syntax_uid or transfer_syntax_uid in WITHOUT_CODEC:
        return ""
    return _explain_syntax(transfer_syntax_uid)


@cache
def _explain_syntax(transfer_syntax_uid: str) -> str:
    syntax = UID(transfer_syntax_uid)
    name = syntax.name if syntax.name != syntax else f"transfer syntax {syntax}"
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if available:
        return ""
    return (
        f"Its pixels are coded as {name}, which cannot be decoded here: "
        "export it again uncompressed."
    )


def decode_frames(source: SourceFile, frame_numbers: Sequence[int]) -> list[FramePixels]:
    """Decode frames of one file in this process, whatever the codec does to it."""
    return _read_frames(_read_dataset(source, frame_numbers), frame_numbers)


CODECS: Final = CodecPool("opp_mri.dicom.pixels:decode_frames")
"""The processes in which codecs run; one starts with the first compressed image."""


def compute_pixel_hash(source: SourceFile, *frame_numbers: int) -> str:
    """Hash the stored values of frames, with their shape, as 64 hexadecimal digits.

    Equal for all lossless transfer syntaxes of one image; rescale is left out of it.

    Raises
    ------
    InputError
        As `read_frames`.
    """
    digest = hashlib.sha256()
    for frame in read_frames(source, frame_numbers):
        # 16 bits signed or not are the same image where the values are the same
        dtype = "<i8" if frame.stored.dtype.kind in "iu" else "<f8"
        digest.update(f"{frame.stored.shape}{dtype[1]}".encode())
        digest.update(frame.stored.astype(dtype).tobytes())
    return digest.hexdigest()


@contextmanager
def _explain_damage(source: SourceFile) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        text = str(error)  # what could not be read at all is named already
        is_named = text.startswith(source.name)
        raise InputError(text if is_named else f"{source.name}: {text}") from error
    except DAMAGE as error:
        raise InputError(
            f"The pixels of {source.name} cannot be read ({_get_first_line(error)}). "
            "Fetch it again from where it came from, uncompressed if that is possible, "
            "and index again."
        ) from error


def _get_first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def _read_dataset(source: SourceFile, frame_numbers: Sequence[int]) -> Dataset:
    """Read what decoding needs, with its transfer syntax; ValueError where frames are absent."""
    dataset = dcmread(BytesIO(read_source_bytes(source)), force=True, specific_tags=NEEDED)
    if not any(keyword in dataset for keyword in PIXELS):
        raise ValueError("it holds no pixels")
    frame_count = int(dataset.get("NumberOfFrames") or 1)
    absent = [number for number in frame_numbers if not 1 <= number <= frame_count]
    if absent:
        raise ValueError(f"it holds {frame_count} frames, and not a frame {absent[0]}")
    dataset.file_meta.TransferSyntaxUID = _transfer_syntax(dataset)
    return dataset


def _read_frames(dataset: Dataset, frame_numbers: Sequence[int]) -> list[FramePixels]:
    is_encapsulated = dataset.file_meta.TransferSyntaxUID not in WITHOUT_CODEC - {RLELossless}
    return [
        _build_frame(values, dataset, number, is_encapsulated=is_encapsulated)
        for number, values in zip(
            frame_numbers, _decode_values(dataset, frame_numbers), strict=True
        )
    ]


def _build_frame(
    values: Pixels, header: Header, frame_number: int, *, is_encapsulated: bool
) -> FramePixels:
    slope, intercept = _get_rescale(header, frame_number)
    stored_values, smallest, largest = _extract_stored(
        values, header, is_encapsulated=is_encapsulated
    )
    if smallest is None and largest is not None and (slope, intercept) != (1, 0):
        smallest = int(stored_values.min())
    return FramePixels(
        sop_instance_uid=str(header.get("SOPInstanceUID", "")),
        stored=stored_values,
        slope=slope,
        intercept=intercept,
        inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
        smallest=smallest,
        largest=largest,
    )


def _decode_values(dataset: Dataset, frame_numbers: Sequence[int]) -> Iterable[Pixels]:
    """Decode frames as they are coded; the plain case, which most files are, by numpy alone."""
    syntax = dataset.file_meta.TransferSyntaxUID
    bits = dataset.get("BitsAllocated")
    if syntax not in PLAIN or bits not in (8, 16) or dataset.get("SamplesPerPixel", 1) != 1:
        indices = [number - 1 for number in frame_numbers]
        decoder = get_decoder(syntax)
        if syntax == JPEG2000Lossless and QUICKEST in decoder.available_plugins:
            with suppress(*DAMAGE):  # or else as pydicom does: by each codec in turn
                quick_frames = decoder.iter_array(
                    dataset, indices=indices, raw=True, decoding_plugin=QUICKEST
                )
                return [values for values, _ in quick_frames]
        frames = decoder.iter_array(dataset, indices=indices, raw=True)
        return (values for values, _ in frames)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    size = rows * columns
    is_signed = bool(dataset.get("PixelRepresentation"))
    dtype = choose_pixel_type(syntax, bits, is_signed=is_signed)
    # frombuffer raises ValueError where PixelData is shorter than its frames
    return (
        np.frombuffer(dataset.PixelData, dtype, size, (number - 1) * size * dtype.itemsize).reshape(
            rows, columns
        )
        for number in frame_numbers
    )


def _transfer_syntax(dataset: Dataset) -> UID:
    """Return TransferSyntaxUID, or what the encoding shows where a file has no meta header."""
    stated_uid = dataset.file_meta.get("TransferSyntaxUID")
    if stated_uid:
        return UID(stated_uid)
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _extract_stored(
    values: Pixels, header: Header, *, is_encapsulated: bool
) -> tuple[Pixels, int | None, int | None]:
    """Keep BitsStored bits, since older scanners put overlays into the others; give the range."""
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.kind not in "iu":
        return values, None, None
    width = 8 * values.dtype.itemsize
    bits = header.get("BitsStored")
    if bits is None:
        raise ValueError("BitsStored is absent")
    bits_stored = int(bits)
    high_bit = bits_stored - 1 if is_encapsulated else int(header.get("HighBit", bits_stored - 1))
    smallest = int(values.min()) if values.dtype.kind == "i" else None
    largest = int(values.max())
    if bits_stored == width or _is_within(smallest, largest, bits_stored, high_bit):
        return values, smallest, largest
    # shifting up drops the bits above, shifting down the bits below and extends the sign
    aligned_values: Pixels = np.left_shift(values, values.dtype.type(width - 1 - high_bit))
    np.right_shift(aligned_values, values.dtype.type(width - bits_stored), out=aligned_values)
    smallest = None if smallest is None else int(aligned_values.min())
    return aligned_values, smallest, int(aligned_values.max())


def _is_within(smallest: int | None, largest: int, bits_stored: int, high_bit: int) -> bool:
    """Return whether values are clean already, which is quicker than cleaning them."""
    if high_bit != bits_stored - 1:
        return False
    if smallest is None:
        return largest < 1 << bits_stored
    return -1 << high_bit <= smallest and largest < 1 << high_bit


def _get_rescale(header: Header, frame_number: int) -> tuple[float, float]:
    """Return slope and intercept: of the frame, or else shared, or else of the whole instance."""
    for place in (
        *_get_items(header, "PerFrameFunctionalGroupsSequence")[frame_number - 1 : frame_number],
        *_get_items(header, "SharedFunctionalGroupsSequence")[:1],
    ):
        for transformation in _get_items(place, "PixelValueTransformationSequence")[:1]:
            return _get_line(transformation)
    return _get_line(header)


def _get_items(place: Header, keyword: str) -> list[Dataset]:
    return list(place.get(keyword) or [])


def _get_line(place: Header) -> tuple[float, float]:
    """Read a rescale; a slope of 0 would blank the image and is taken as absent, as GDCM does."""
    slope, intercept = place.get("RescaleSlope"), place.get("RescaleIntercept")
    slope = 1.0 if slope in (None, "") else float(slope)
    intercept = 0.0 if intercept in (None, "") else float(intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise ValueError("RescaleSlope or RescaleIntercept is no number")
    return slope or 1.0, intercept
