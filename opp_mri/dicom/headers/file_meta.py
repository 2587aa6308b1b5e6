"""Read the file meta information: the encoding of the data set, and what the file holds."""

from struct import error as Short  # noqa: N812 - the block is too short
from typing import Final

from opp_mri.dicom.headers.byte_reader import ByteReader
from opp_mri.dicom.headers.elements import Layout

_READ_ON: Final = 16 * 1024  # bytes


def read_file_meta(
    reader: ByteReader, block: bytes, starts: list[int], meta: Layout
) -> tuple[str, str, int]:
    """Return the transfer syntax, the class of the content, and where the data set begins.

    "" for the syntax where it is absent or the group is not laid out as it should be. `starts`
    takes the offsets of the elements.
    """
    position = 132
    values = {0x00020002: "", 0x00020010: ""}
    while True:
        try:
            tag, vr, length = meta.element(block, position)
            if tag & 0xFFFF != 2:
                return values[0x00020010], values[0x00020002], position
            size = meta.header_sizes.get(vr)
            if size is None:
                return "", "", position
            if size == 12:
                length = meta.length(block, position + 8)[0]
        except Short:
            if position == reader.size or len(block) >= reader.size:
                raise
            block = reader.read_at(0, min(reader.size, max(4 * len(block), position + _READ_ON)))
            continue
        element = 0x00020000 | tag >> 16
        if element in values:
            value = block[position + size : position + size + length]
            values[element] = value.rstrip(b"\0 ").decode("ascii", "replace")
        starts.append(position)
        position += size + length
