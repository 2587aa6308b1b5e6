"""Whether the pixel data that a header promises are all in the file; they are not read for it."""

from functools import cached_property
from typing import Final

from attrs import frozen

from opp_mri.dicom.headers.byte_reader import ByteReader
from opp_mri.dicom.headers.elements import ITEM, SEQUENCE_END, UNDEFINED_LENGTH, Layout

# Syntaxes without compression, so that the size of the pixel data follows from the header.
_NATIVE: Final = frozenset(
    {
        "",
        "1.2.840.10008.1.2",  # Implicit VR Little Endian
        "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
        "1.2.840.113619.5.2",  # GE's private Implicit VR Little Endian with big endian pixels
    }
)
_VIDEO: Final = "1.2.840.10008.1.2.4.10"  # MPEG2 to HEVC, .100 to .108: one stream holds all frames
_SAMPLES_OF_SUBSAMPLED: Final = {
    "YBR_FULL_422": 2.0,
    "YBR_PARTIAL_422": 2.0,
    "YBR_PARTIAL_420": 1.5,
}


@frozen(kw_only=True)
class PixelShape:
    """What a header says of its pixel data; None where it says nothing."""

    rows: int | None
    columns: int | None
    samples_per_pixel: int | None
    bits_allocated: int | None
    frame_count: int
    photometric_interpretation: str
    transfer_syntax_uid: str

    @cached_property
    def native_bytes(self) -> int | None:
        """Size of the pixel data without compression, or None where the header does not say it."""
        if not (self.rows and self.columns and self.bits_allocated):
            return None
        samples = _SAMPLES_OF_SUBSAMPLED.get(
            self.photometric_interpretation, self.samples_per_pixel or 1
        )
        pixels = self.rows * self.columns * self.frame_count
        return int(pixels * samples * self.bits_allocated + 7) // 8


def describe_missing_pixels(
    reader: ByteReader, position: int, head: bytes, layout: Layout, shape: PixelShape
) -> str | None:
    """Describe what is missing of the pixel data, in a sentence, or None where they are complete.

    Parameters
    ----------
    reader, position, head, layout
        The file, the offset of its pixel data element, the first 12 bytes of that, and its
        encoding.
    shape
        What the header says.
    """
    start, length = layout.read_value_place(head, position)
    if start > reader.size:
        return "The file ends where its pixel data begin: fetch it again."
    if length == UNDEFINED_LENGTH:
        return _describe_missing_fragments(reader, start, layout, shape)
    if start + length > reader.size:
        return (
            f"The file is cut short: {reader.size - start} of {length} bytes of pixel data are "
            "there. Fetch it again."
        )
    expected = shape.native_bytes if shape.transfer_syntax_uid in _NATIVE else 1
    if expected is None:
        return "Its header does not say how large the image is: fetch it again."
    if length < expected:
        return (
            f"Its pixel data are too few: {length} bytes, and {expected} are needed. "
            "Fetch it again."
        )
    return None


def _describe_missing_fragments(
    reader: ByteReader, start: int, layout: Layout, shape: PixelShape
) -> str | None:
    """Follow the items of encapsulated pixel data to their end (PS3.5 A.4)."""
    position, fragments = start, -1  # the first item is the offset table
    while True:
        item = reader.read_at(position, 8)
        if len(item) < 8:
            return "The file is cut short: its compressed pixel data do not end. Fetch it again."
        tag, length = layout.read_item(item)
        if tag == SEQUENCE_END:
            break
        if tag != ITEM or length == UNDEFINED_LENGTH:
            return "Its compressed pixel data are damaged: fetch it again."
        position += 8 + length
        fragments += length > 0 or fragments < 0
    least_fragments = 1 if shape.transfer_syntax_uid.startswith(_VIDEO) else shape.frame_count
    if fragments < least_fragments:
        return (
            f"It holds {max(fragments, 0)} of {least_fragments} compressed frames: fetch it again."
        )
    return None
