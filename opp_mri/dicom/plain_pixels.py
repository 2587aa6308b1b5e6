"""Read the pixels of an uncompressed file straight into their place, without a data set between.

Only what is laid out as the standard says is read here. For anything else there is pydicom, which
either reads it or says what is wrong with it.
"""

from collections.abc import Sequence
from functools import lru_cache
from struct import error as Short  # noqa: N812 - the block is too short
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.dicom.headers.byte_reader import FileBytes, MemoryBytes
from opp_mri.dicom.headers.elements import (
    UNDEFINED_LENGTH,
    Layout,
    Stop,
    find_elements,
    read_elements,
    split_items,
)
from opp_mri.dicom.headers.file_meta import read_file_meta
from opp_mri.dicom.headers.header import decode_element
from opp_mri.dicom.headers.keywords import get_tag
from opp_mri.dicom.headers.sources import READ_ERRORS
from opp_mri.dicom.headers.template import Template, Templates
from opp_mri.dicom.headers.values import PYDICOM_ERRORS

Values = dict[str, Any]  # keyword to value, equal to pydicom's

EXPLICIT: Final = "1.2.840.10008.1.2.1"
IMPLICIT: Final = "1.2.840.10008.1.2"
# GE's private syntax: implicit little endian, but for the pixels, which are big endian
GE_PRIVATE: Final = "1.2.840.113619.5.2"
PLAIN: Final = frozenset({IMPLICIT, EXPLICIT, GE_PRIVATE})

_SHAPE: Final = (
    *("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation"),
)
_OTHER: Final = ("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept")
_GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_KEYWORDS: Final = {
    get_tag(keyword): keyword for keyword in ("SOPInstanceUID", *_SHAPE, *_OTHER, *_GROUPS)
}
_UID: Final = get_tag("SOPInstanceUID")
_GROUP_TAGS: Final = tuple(map(get_tag, _GROUPS))
_PIXEL_DATA: Final = bytes.fromhex("e07f1000")  # the tag as little endian bytes
# PixelValueTransformationSequence (0028,9145) as little endian bytes: without them, no rescale
_TRANSFORMATION: Final = bytes.fromhex("28004591")
_TRANSFORMATIONS: Final = get_tag("PixelValueTransformationSequence")
_LINE: Final = {get_tag(keyword): keyword for keyword in ("RescaleSlope", "RescaleIntercept")}
_TRAILING_PADDING: Final = bytes.fromhex("fcfffcff")
_META: Final = Layout(implicit=False, little_endian=True, tags=())
_LAYOUTS: Final = {
    implicit: Layout(implicit=implicit, little_endian=True, tags=_KEYWORDS)
    for implicit in (False, True)
}


@frozen(kw_only=True, eq=False)
class PlainHeader:
    """What a file says about its pixels.

    Parameters
    ----------
    transfer_syntax_uid
        Its transfer syntax.
    values
        Keyword to value of the elements that decoding needs; None where the file is compressed,
        or laid out in another way than is known here.
    offset
        Of the first pixel in the file.
    dtype
        How a pixel is stored.
    """

    transfer_syntax_uid: str
    values: Values | None = field(default=None, repr=False)
    offset: int = 0
    dtype: np.dtype[Any] = field(factory=lambda: np.dtype("<u2"))

    def read_frame(
        self, reader: FileBytes | MemoryBytes, frame_number: int, target: NDArray[Any] | None
    ) -> NDArray[Any] | None:
        """Read the pixels of a frame; None where the file has become shorter.

        Parameters
        ----------
        reader
            The file.
        frame_number
            From 1.
        target
            A contiguous array that takes them where it has their shape and size.
        """
        if self.values is None:
            return None
        shape = (self.values["Rows"], self.values["Columns"])
        size = shape[0] * shape[1] * self.dtype.itemsize
        if target is None or target.shape != shape or target.itemsize != self.dtype.itemsize:
            target = np.empty(shape, dtype=self.dtype)
        values: NDArray[Any] = target.view(self.dtype)
        offset = self.offset + (frame_number - 1) * size
        is_whole = reader.read_into(offset, values.reshape(-1).view(np.uint8).data)
        return values if is_whole else None


def read_plain_header(
    reader: FileBytes | MemoryBytes, frame_numbers: Sequence[int], templates: Templates
) -> PlainHeader | None:
    """Read what a file says about its pixels, if it says so in the usual way.

    Parameters
    ----------
    reader
        The file.
    frame_numbers
        The frames, from 1, that are to be read from it.
    templates
        Headers of earlier files; like ones are read faster with them.

    Returns
    -------
    PlainHeader or None
        None where the file does not begin as DICOM files do.
    """
    try:
        block = reader.read_at(0, templates.span)
        fit = templates.fit(block)
        if fit is not None:
            elements = (fit.shared.raw | fit.own, fit.layout, fit.position)
            return _judge_header(reader, block, fit.transfer_syntax_uid, elements, frame_numbers)
        if block[128:132] != b"DICM":
            return None
        starts: list[int] = []
        syntax, _, start = read_file_meta(reader, block, starts, _META)
        if not syntax:
            return None
        if syntax not in PLAIN or start + 6 > len(block):
            return PlainHeader(transfer_syntax_uid=syntax)
        place = _walk(reader, block, starts, start, syntax, templates)
        if place is None:
            return PlainHeader(transfer_syntax_uid=syntax)
        return _judge_header(reader, block, syntax, place, frame_numbers)
    except (Short, *READ_ERRORS, *PYDICOM_ERRORS):
        return None


def _walk(
    reader: FileBytes | MemoryBytes,
    block: bytes,
    starts: list[int],
    data_set_at: int,
    syntax: str,
    templates: Templates,
) -> tuple[dict[int, bytes], Layout, int] | None:
    """Walk to the pixels: give the wanted elements, their encoding and the offset of the pixels."""
    implicit = syntax != EXPLICIT
    has_vr = all(0x40 < byte < 0x5B for byte in block[data_set_at + 4 : data_set_at + 6])
    if has_vr is implicit:
        return None  # it is coded in another way than it states
    layout = _LAYOUTS[implicit]
    raw, stop, position = read_elements(reader, data_set_at, layout, block, starts)
    if stop is not Stop.PIXELS:
        return None
    starts = [*(start for start in starts if start < position), position]
    if templates.needs_template(block, starts):
        template = Template(
            *(block, starts),
            data_set_at=data_set_at,
            transfer_syntax_uid=syntax,
            meta=_META,
            layout=layout,
            fixed=(),
        )
        templates.add(template)
    return raw, layout, position


def _judge_header(
    reader: FileBytes | MemoryBytes,
    block: bytes,
    syntax: str,
    place: tuple[dict[int, bytes], Layout, int],
    frame_numbers: Sequence[int],
) -> PlainHeader:
    """Say where the pixels of frames are, if what the file says about them is as usual."""
    raw, layout, position = place
    values = _decode_values(raw, layout)
    pixels = _find_pixels(reader, block, layout, position)
    if values is None or pixels is None:
        return PlainHeader(transfer_syntax_uid=syntax)
    bits = values["BitsAllocated"]
    offset, length = pixels
    last = max(frame_numbers, default=1)
    is_held = min(frame_numbers, default=1) >= 1 and last <= (values.get("NumberOfFrames") or 1)
    if not is_held or last * values["Rows"] * values["Columns"] * bits // 8 > length:
        return PlainHeader(transfer_syntax_uid=syntax)
    return PlainHeader(
        transfer_syntax_uid=syntax,
        values=values,
        offset=offset,
        dtype=choose_pixel_type(syntax, bits, is_signed=bool(values.get("PixelRepresentation"))),
    )


@lru_cache(maxsize=16)
def choose_pixel_type(syntax: str, bits: int, *, is_signed: bool) -> np.dtype[Any]:
    """Return how a pixel of 8 or 16 bits is stored in an uncompressed transfer syntax."""
    order = ">" if syntax == GE_PRIVATE else "<"
    return np.dtype(f"{order}{'i' if is_signed else 'u'}{bits // 8}")


def _find_pixels(
    reader: FileBytes | MemoryBytes, block: bytes, layout: Layout, position: int
) -> tuple[int, int] | None:
    """Return offset and length of PixelData where it is the last element of the file."""
    header = block[position : position + 12]
    if len(header) < 12:
        header = reader.read_at(position, 12)
    offset, length = layout.read_value_place(header, position)
    if header[:4] != _PIXEL_DATA or length == UNDEFINED_LENGTH:
        return None
    if not layout.implicit and header[4:6] not in (b"OW", b"OB"):
        return None
    end = offset + length
    if end != reader.size:  # cut off, or there is more: only padding is known here (PS3.10 7.2)
        padding = reader.read_at(end, 12)
        begin, rest = layout.read_value_place(padding, end)
        if not padding.startswith(_TRAILING_PADDING) or begin + rest != reader.size:
            return None
    return offset, length


def _decode_values(raw: dict[int, bytes], layout: Layout) -> Values | None:
    """Decode what is there; None where it is not of the usual type and range."""
    groups = {tag: raw[tag] for tag in _GROUP_TAGS if tag in raw}
    common_values = _decode_common(
        tuple((tag, raw[tag]) for tag in raw if tag != _UID and tag not in groups), layout.implicit
    )
    if common_values is None or _UID not in raw:
        return None
    values = common_values | {"SOPInstanceUID": decode_element(_UID, raw[_UID], layout, b"")}
    for tag, element in groups.items():
        if _TRANSFORMATION in element:
            items = _decode_groups(element, layout.implicit)
            if items is None:
                return None
            values[_KEYWORDS[tag]] = items
    return values


@lru_cache(maxsize=8)
def _decode_groups(element: bytes, implicit: bool) -> list[Values] | None:
    """Decode the rescale in functional groups; None where they are not laid out as they should."""
    layout = _LAYOUTS[implicit]
    groups = split_items(element, layout)
    if groups is None:
        return None
    items: list[Values] = []
    for group in groups:
        raw = find_elements(group, layout.narrow_to((_TRANSFORMATIONS,)))
        if raw is None:
            return None
        items.append({})
        if _TRANSFORMATIONS not in raw:
            continue
        transformations = split_items(raw[_TRANSFORMATIONS], layout)
        lines = [
            find_elements(item, layout.narrow_to(tuple(_LINE))) for item in transformations or ()
        ]
        if transformations is None or None in lines:
            return None
        items[-1]["PixelValueTransformationSequence"] = [
            {_LINE[tag]: decode_element(tag, raw, layout, b"") for tag, raw in (line or {}).items()}
            for line in lines
        ]
    return items


@lru_cache(maxsize=64)
def _decode_common(elements: tuple[tuple[int, bytes], ...], implicit: bool) -> Values | None:
    """Decode what the images of a series mostly share; never to be changed by the caller."""
    layout = _LAYOUTS[implicit]
    values: Values = {
        _KEYWORDS[tag]: decode_element(tag, raw, layout, b"") for tag, raw in elements
    }
    numbers: Values = {keyword: values[keyword] for keyword in _SHAPE if keyword in values}
    necessary = ("Rows", "Columns", "BitsAllocated", "BitsStored")
    if any(keyword not in numbers for keyword in necessary):
        return None
    if numbers.get("NumberOfFrames") is None:
        numbers.pop("NumberOfFrames", None)
    if not all(isinstance(number, int) for number in numbers.values()):
        return None
    if min(numbers[keyword] for keyword in necessary) < 1:
        return None
    if numbers["BitsAllocated"] not in (8, 16) or numbers.get("SamplesPerPixel", 1) != 1:
        return None
    return values
