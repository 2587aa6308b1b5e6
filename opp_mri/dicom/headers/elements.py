"""Walk over the elements of a data set by their lengths and keep the bytes of the wanted ones.

PS3.5 chapter 7: an element is a tag, in the explicit encodings a VR, a length and a value; a
sequence may have no length and then ends with a delimiter. Nothing is decoded here.
"""

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from struct import Struct
from struct import error as Short  # noqa: N812 - the one meaning that it has here
from typing import Final, NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from opp_mri.dicom.headers.byte_reader import ByteReader, MemoryBytes

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
PIXEL_TAGS: Final = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # of doubles, of floats, of integers

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_AT_PIXELS: Final = 0  # no tag of a data set has this number
_FIRST_BLOCK: Final = 16 * 1024
_LARGEST_PADDING: Final = 1024 * 1024
_SHORT_VRS: Final = frozenset(vr.encode() for vr in EXPLICIT_VR_LENGTH_16)


class Stop(Enum):
    """Why the walk ended."""

    PIXELS = "the pixel data begin here"
    END = "the data set ends with the file"
    CUT = "the file ends within an element"
    ODD = "this is not what was expected: let pydicom look at it"
    _SHORT = "the block ends here"


class Elements(NamedTuple):
    """What a walk found.

    Parameters
    ----------
    raw
        Tag to the bytes of its element, from its tag to the end of its value.
    stop, position
        Why it ended, and the offset of the element at which it ended.
    """

    raw: dict[int, bytes]
    stop: Stop
    position: int


class Layout:
    """How the elements of an encoding are laid out, and which of them are wanted.

    Parameters
    ----------
    implicit, little_endian
        The encoding.
    wanted
        Tags to keep. The walk always stops at pixel data.
    """

    def __init__(self, *, implicit: bool, little_endian: bool, tags: Iterable[int]) -> None:
        order = "<" if little_endian else ">"
        self.implicit = implicit
        self.little_endian = little_endian
        self.element = Struct(order + ("II" if implicit else "IHH")).unpack_from
        self.length = Struct(order + "I").unpack_from
        self.short_length = Struct(order + "H").unpack_from
        self.item = Struct(order + "II").unpack_from
        self.header_sizes = {
            int.from_bytes(vr.encode(), "little" if little_endian else "big"): size
            for vrs, size in ((EXPLICIT_VR_LENGTH_16, 8), (EXPLICIT_VR_LENGTH_32, 12))
            for vr in vrs
        }
        self.wanted = {self._as_read(tag): tag for tag in tags}
        self.wanted |= {self._as_read(tag): _AT_PIXELS for tag in PIXEL_TAGS}
        self.item_start = self._as_read(ITEM)
        self.item_end = self._as_read(ITEM_END)
        self.sequence_end = self._as_read(SEQUENCE_END)

    def narrow_to(self, tags: tuple[int, ...]) -> "Layout":
        """Return the same encoding with other wanted tags."""
        return _build_layout(self.implicit, self.little_endian, tags)

    def read_item(self, item: bytes) -> tuple[int, int]:
        """Return the tag and the length of an item from its eight bytes."""
        tag, length = self.item(item)
        return (self._as_read(tag), length)  # swapping twice is swapping back

    def find_value_offset(self, element: bytes) -> int:
        """Return the offset of a value in its element, whose VR may be unknown."""
        return 8 if self.implicit or element[4:6] in _SHORT_VRS else 12

    def read_value_place(self, header: bytes, position: int) -> tuple[int, int]:
        """Return the offset and the length of a value from the first 12 bytes of its element."""
        header = header.ljust(12, b"\0")
        offset = self.find_value_offset(header)
        if offset == 12:
            length = self.length(header, 8)[0]
        elif self.implicit:
            length = self.length(header, 4)[0]
        else:
            length = self.short_length(header, 6)[0]
        return position + offset, length

    def _as_read(self, tag: int) -> int:
        """Return the number that `element` unpacks: group and element are two 16-bit numbers."""
        return (tag & 0xFFFF) << 16 | tag >> 16 if self.little_endian else tag


@lru_cache(maxsize=64)
def _build_layout(implicit: bool, little_endian: bool, tags: tuple[int, ...]) -> Layout:
    return Layout(implicit=implicit, little_endian=little_endian, tags=tags)


def split_items(element: bytes, layout: Layout) -> list[bytes] | None:
    """Return the content of each item of a sequence; None where it is not laid out as it should be.

    Parameters
    ----------
    element
        The sequence from its tag to its end.
    layout
        Its encoding.
    """
    position, _ = layout.read_value_place(element[:12], 0)
    items = []
    try:
        while position < len(element):
            tag, length = layout.item(element, position)
            position += 8
            if tag == layout.sequence_end:
                break
            if tag != layout.item_start:
                return None
            endless = length == UNDEFINED_LENGTH
            end = _skip_item(element, position, layout) if endless else position + length
            if end > len(element):
                return None
            items.append(element[position : end - 8 if endless else end])
            position = end
    except (Short, ValueError, RecursionError):
        return None
    return items


def find_elements(item: bytes, layout: Layout) -> dict[int, bytes] | None:
    """Return the wanted elements of an item; None where it is not laid out as it should be."""
    elements = read_elements(MemoryBytes(item), 0, layout, item)
    return elements.raw if elements.stop is Stop.END else None


def read_elements(
    reader: ByteReader,
    start: int,
    layout: Layout,
    block: bytes = b"",
    starts: list[int] | None = None,
) -> Elements:
    """Walk from `start` to the pixel data or to the end.

    Parameters
    ----------
    reader
        Where the bytes come from; they are read in blocks, and what is not wanted only as far
        as it lies in the same block.
    start
        Offset of the first element.
    layout
        The encoding and the wanted tags.
    block
        The bytes from offset 0 on, where they were read before.
    starts
        Takes the offsets of the elements that begin in `block`.
    """
    raw: dict[int, bytes] = {}
    size = reader.size
    span = _FIRST_BLOCK
    base, position = 0, start
    if not block:
        base, block = start, reader.read_at(start, span)
    starts = [] if starts is None else starts
    walk = _walk_implicit if layout.implicit else _walk_explicit
    while True:
        at_end = base + len(block) >= size
        if at_end:  # room for the header of a last element without value
            limit = len(block)
            block += bytes(12)
        else:
            limit = len(block) - 11
        next_position, stop = walk(block, position - base, limit, layout, raw, starts)
        next_position += base
        if next_position > size:
            return Elements(raw, Stop.CUT, position)
        if stop is Stop.ODD and _is_padding(reader, next_position):
            return Elements(raw, Stop.END, next_position)
        if stop is Stop.ODD and _is_zeroed(reader, next_position):
            return Elements(raw, Stop.CUT, next_position)
        if stop is Stop.ODD and size - next_position < 12:  # no whole element header
            return Elements(raw, Stop.CUT, next_position)
        if stop is not Stop._SHORT:
            return Elements(raw, stop, next_position)
        if next_position == size:
            return Elements(raw, Stop.END, next_position)
        if at_end and next_position < base + limit:
            return Elements(raw, Stop.CUT, next_position)
        span = span * 4 if next_position == position and base == position else _FIRST_BLOCK
        base = position = next_position
        block, starts = reader.read_at(base, span), []
        if len(block) < min(span, size - base):
            return Elements(
                raw, Stop.CUT, next_position
            )  # it has become shorter since it was opened


def _walk_explicit(
    block: bytes, p: int, limit: int, layout: Layout, raw: dict[int, bytes], starts: list[int]
) -> tuple[int, Stop]:
    element, length_of, sizes = layout.element, layout.length, layout.header_sizes.get
    get_tag, available, note = layout.wanted.get, len(block), starts.append
    while p < limit:
        note(p)
        tag, vr, length = element(block, p)
        size = sizes(vr)
        known_tag = get_tag(tag)
        if size != 8:  # of most elements it is
            if size is None:
                return p, Stop.ODD
            if known_tag == _AT_PIXELS:
                return p, Stop.PIXELS
            length = length_of(block, p + 8)[0]
            if length == UNDEFINED_LENGTH:
                try:
                    length = skip_sequence(block, p + 12, layout) - p - 12
                except Short:
                    return p, Stop._SHORT
                except (ValueError, RecursionError):
                    return p, Stop.ODD
        end = p + size + length
        if known_tag is not None:
            if known_tag == _AT_PIXELS:
                return p, Stop.PIXELS
            if end > available:
                return p, Stop._SHORT
            raw[known_tag] = block[p:end]
        p = end
    return p, Stop._SHORT


def _walk_implicit(
    block: bytes, p: int, limit: int, layout: Layout, raw: dict[int, bytes], starts: list[int]
) -> tuple[int, Stop]:
    element, get_tag = layout.element, layout.wanted.get
    item_end, note = layout.item_end, starts.append
    while p < limit:
        note(p)
        tag, length = element(block, p)
        known_tag = get_tag(tag)
        if known_tag == _AT_PIXELS:
            return p, Stop.PIXELS
        if length == UNDEFINED_LENGTH:
            try:
                length = skip_sequence(block, p + 8, layout) - p - 8
            except Short:
                return p, Stop._SHORT
            except (ValueError, RecursionError):
                return p, Stop.ODD
        elif tag in (0, item_end):
            return p, Stop.ODD
        end = p + 8 + length
        if known_tag is not None:
            if end > len(block):
                return p, Stop._SHORT
            raw[known_tag] = block[p:end]
        p = end
    return p, Stop._SHORT


def skip_sequence(block: bytes, p: int, layout: Layout) -> int:
    """Return where a sequence without length ends; `Short` where the block ends before it."""
    while True:
        tag, length = layout.item(block, p)
        p += 8
        if tag == layout.sequence_end:
            return p
        if tag != layout.item_start:
            raise ValueError("no item")
        p = _skip_item(block, p, layout) if length == UNDEFINED_LENGTH else p + length


def _skip_item(block: bytes, p: int, layout: Layout) -> int:
    """Return where an item without length ends; elements of it may lack their VR (PS3.5 6.2.2)."""
    while True:
        tag, length = layout.item(block, p)
        if tag == layout.item_end:
            return p + 8
        if tag == 0:
            raise ValueError("zeros where an element should be")
        size = 8
        if not layout.implicit:
            _, vr, short_length = layout.element(block, p)
            size = layout.header_sizes.get(vr, 0)
            if size:
                length = short_length if size == 8 else layout.length(block, p + 8)[0]
            elif block[p + 4 : p + 6].isalpha():
                raise ValueError("an unknown VR")
            else:
                size = 8
        p += size
        p = skip_sequence(block, p, layout) if length == UNDEFINED_LENGTH else p + length


def _is_zeroed(reader: ByteReader, position: int) -> bool:
    """Recognise the tail of zeros of an interrupted copy, which is too long for padding."""
    head = reader.read_at(position, _LARGEST_PADDING)
    return len(head) == _LARGEST_PADDING and not any(head)


def _is_padding(reader: ByteReader, position: int) -> bool:
    rest = reader.size - position
    return rest <= _LARGEST_PADDING and not any(reader.read_at(position, rest))
