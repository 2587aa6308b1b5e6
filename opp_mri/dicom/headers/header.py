"""Read the header of a DICOM file: only what is needed of it, with the values that pydicom gives.

The elements are found by `elements`; pydicom converts the few that are wanted, and reads alone
what is not laid out as usual. A broken file gives a header that says what is wrong with it.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedReader, BytesIO
from struct import error as Short  # noqa: N812 - the block is too short
from typing import Final

from attrs import define, field
from pydicom import Dataset, config
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.filereader import read_partial, read_sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from opp_mri.dicom.headers.byte_reader import ByteReader, ReaderStream, inflate_data_set
from opp_mri.dicom.headers.clean_values import CLEAN_VRS, convert_clean_value
from opp_mri.dicom.headers.completeness import PixelShape, describe_missing_pixels
from opp_mri.dicom.headers.elements import PIXEL_TAGS, UNDEFINED_LENGTH, Layout, Stop, read_elements
from opp_mri.dicom.headers.file_meta import read_file_meta
from opp_mri.dicom.headers.keywords import PRIVATE_B_VALUES, TAGS
from opp_mri.dicom.headers.sources import DICOMDIR_CLASS_UID, READ_ERRORS, describe_reason
from opp_mri.dicom.headers.template import Fit, SharedElements, Template, Templates
from opp_mri.dicom.headers.values import PYDICOM_ERRORS, convert_to_integer, convert_to_text
from opp_mri.domain.imaging import FileStatus

_PRIVATE: Final = tuple(tag for _, *tags in PRIVATE_B_VALUES for tag in tags)
_READ: Final = (*TAGS.values(), *_PRIVATE)
_VRS: Final = {tag: dictionary_VR(tag) for tag in TAGS.values()} | {
    tag: "LO" if tag & 0xFFFF < 0x100 else "UN" for tag in _PRIVATE
}
_VR_NAMES: Final = {vr.encode(): vr for vr in CLEAN_VRS}
_LAYOUTS: Final = {
    (implicit, little): Layout(implicit=implicit, little_endian=little, tags=_READ)
    for implicit, little in ((False, True), (True, True), (False, False), (True, False))
}
_ENDLESS: Final = UNDEFINED_LENGTH.to_bytes(4, "little")
_META: Final = _LAYOUTS[False, True]
_BLOCK: Final = 16 * 1024
_BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_LARGEST_INFLATED: Final = 1 << 30  # bytes; beyond it a deflated file is refused
_LONGEST_ZEROS: Final = 1 << 20  # bytes: pydicom takes each 8 of them for an element
_ACR_NEMA_WITHIN: Final = 1024
_ARCHIVES: Final = (
    (0, b"PK\x03\x04", "A zip archive in an archive or under another name."),
    (0, b"\x1f\x8b", "A gzip file."),
    (0, b"BZh", "A bzip2 file."),
    (0, b"\xfd7zXZ", "An xz file."),
    (0, b"7z\xbc\xaf\x27\x1c", "A 7-Zip archive."),
    (0, b"Rar!", "A RAR archive."),
    (0, b"\x28\xb5\x2f\xfd", "A Zstandard file."),
    (257, b"ustar", "A tar archive."),
)
_REPORTS, _KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.88.59"
_CHARACTER_SET: Final = TAGS["SpecificCharacterSet"]
_SHAPE: Final = tuple(
    TAGS[keyword]
    for keyword in (
        *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames"),
        "PhotometricInterpretation",
    )
)


@define(kw_only=True, eq=False)
class Header:
    """The header of one file.

    Parameters
    ----------
    status, detail
        What the file is, and a sentence about it unless it is a complete image.
    transfer_syntax_uid
        TransferSyntaxUID of the file meta information; "" where there is none.
    layout
        The encoding of the data set.
    raw
        Tag to the bytes of its element.
    shared, own
        `raw` in two parts, where it was read by a template: what the headers of the template
        share, and what they do not.
    dataset
        The data set, where pydicom read it; `raw` is empty then.
    """

    status: FileStatus
    detail: str = ""
    transfer_syntax_uid: str = ""
    layout: Layout = field(default=_META, repr=False)
    raw: dict[int, bytes] = field(factory=dict, repr=False)
    shared: SharedElements | None = field(default=None, repr=False)
    own: dict[int, bytes] = field(factory=dict, repr=False)
    dataset: Dataset | None = field(default=None, repr=False)

    @property
    def character_set(self) -> bytes:
        """Bytes of the element that says how text is coded, b"" where there is none."""
        return self.raw.get(_CHARACTER_SET, b"")

    def __contains__(self, tag: int) -> bool:
        """Return whether the element is there, be it empty."""
        return tag in (self.raw if self.dataset is None else self.dataset)

    def get_items(self, tag: int) -> Sequence[Dataset]:
        """Return the items of a sequence, none if absent; raises one of `PYDICOM_ERRORS`."""
        if tag not in self:
            return ()
        if self.dataset is not None:
            value = self.dataset[tag].value
        else:
            value = decode_element(tag, self.raw[tag], self.layout, self.character_set)
        if not isinstance(value, Sequence):
            raise TypeError("it is no sequence")
        return value

    def get_value(self, tag: int) -> object:
        """Give a value equal to pydicom's; None where absent or where pydicom cannot convert it."""
        try:
            if tag not in self:
                return None
            if self.dataset is not None:
                return self.dataset[tag].value
            return decode_element(tag, self.raw[tag], self.layout, self.character_set)
        except PYDICOM_ERRORS:
            return None


def decode_element(tag: int, element: bytes, layout: Layout, character_set: bytes) -> object:
    """Return the value of an element, equal to pydicom's; raises one of `PYDICOM_ERRORS`.

    Parameters
    ----------
    tag, element, layout
        The element from its tag to the end of its value, and its encoding.
    character_set
        The SpecificCharacterSet element of the same data set, or b"".
    """
    vr = _VRS.get(tag) if layout.implicit else _VR_NAMES.get(element[4:6])
    if vr is not None and not (layout.implicit and element[4:8] == _ENDLESS):
        value = element[layout.find_value_offset(element) :]
        clean_value = convert_clean_value(vr, value, little_endian=layout.little_endian)
        if clean_value is not None:
            return clean_value
    return _decode_by_pydicom(tag, element, layout, character_set)


def _decode_by_pydicom(tag: int, element: bytes, layout: Layout, character_set: bytes) -> object:
    start, length = layout.read_value_place(element[:12], 0)
    encodings = _list_encodings(b"" if tag == _CHARACTER_SET else character_set, layout)
    implicit, little = layout.implicit, layout.little_endian
    if length == UNDEFINED_LENGTH:
        return read_sequence(BytesIO(element[start:]), implicit, little, length, encodings)
    vr = None if implicit else element[4:6].decode("ascii")
    raw = RawDataElement(BaseTag(tag), vr, length, element[start:], start, implicit, little)
    return convert_raw_data_element(raw, encoding=encodings).value


@lru_cache(maxsize=256)
def _list_encodings(character_set: bytes, layout: Layout) -> list[str]:
    if not character_set:
        return [default_encoding]
    names = decode_element(_CHARACTER_SET, character_set, layout, b"")
    return list(convert_encodings(names))  # type: ignore[arg-type]  # a string or several


@contextmanager
def silence_pydicom() -> Iterator[None]:
    """Silence pydicom about values that break a rule, for as long as this lasts.

    Its warnings and log lines quote the values, a patient's name included, and a user who set it
    to raise would stop a scan.
    """
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def read_header(reader: ByteReader, templates: Templates | None = None) -> Header:
    """Read a header; whatever is wrong with the file is reported in its status and detail.

    Parameters
    ----------
    reader
        The bytes of the file.
    templates
        Headers of earlier files; like ones are read faster with them.
    """
    try:
        return _read(reader, templates or Templates())
    except READ_ERRORS as error:
        return Header(status=FileStatus.UNREADABLE, detail=describe_reason(error))


def _read(reader: ByteReader, templates: Templates) -> Header:
    block = reader.read_at(0, templates.span)
    if block[128:132] != b"DICM":
        return _read_without_preamble(reader, block)
    fit = templates.fit(block)
    if fit is not None:
        return _judge_header(_build_fitted_header(fit), reader, Stop.PIXELS, fit.position, block)
    starts: list[int] = []
    try:
        syntax, media_class, start = read_file_meta(reader, block, starts, _META)
    except Short:
        return _cut()
    if media_class == DICOMDIR_CLASS_UID:
        return Header(status=FileStatus.DICOMDIR, detail="A DICOMDIR, the index of a medium.")
    if not syntax:
        return _read_by_pydicom(reader)
    if syntax == _DEFLATED:
        content = inflate_data_set(reader, start, _LARGEST_INFLATED)
        if content is None:
            return _cut()
        if content.size > _LARGEST_INFLATED:
            return Header(
                status=FileStatus.UNREADABLE,
                detail="It unpacks to more than 1 GB, which no image does: fetch it uncompressed.",
            )
        reader, block, start = content, content.read_at(0, _BLOCK), 0
    if start + 6 > len(block):
        block = reader.read_at(0, start + _BLOCK)
    if block[start : start + 2] == b"\0\0" and any(block[start:]):  # a command set
        return _read_by_pydicom(reader)
    # As pydicom does: the first VR states whether there are any, whatever the syntax says
    implicit = not all(0x40 < byte < 0x5B for byte in block[start + 4 : start + 6])
    layout = _LAYOUTS[implicit, syntax != _BIG_ENDIAN]
    raw, stop, position = read_elements(reader, start, layout, block, starts)
    if stop is Stop.PIXELS and syntax != _DEFLATED:
        _keep_template(templates, block, starts, position, start, syntax, layout)
    if stop is Stop.ODD:
        return _read_by_pydicom(reader) if syntax != _DEFLATED else _build_damaged_header()
    header = Header(status=FileStatus.IMAGE, transfer_syntax_uid=syntax, layout=layout, raw=raw)
    return _judge_header(header, reader, stop, position, block)


def _keep_template(
    templates: Templates,
    block: bytes,
    starts: list[int],
    pixels_at: int,
    data_set_at: int,
    syntax: str,
    layout: Layout,
) -> None:
    starts = [*(start for start in starts if start < pixels_at), pixels_at]
    if templates.needs_template(block, starts):
        template = Template(
            *(block, starts),
            data_set_at=data_set_at,
            transfer_syntax_uid=syntax,
            meta=_META,
            layout=layout,
            fixed=(_CHARACTER_SET,),
        )
        templates.add(template)


def _build_fitted_header(fit: Fit) -> Header:
    return Header(
        status=FileStatus.IMAGE,
        transfer_syntax_uid=fit.transfer_syntax_uid,
        layout=fit.layout,
        raw=fit.shared.raw | fit.own,
        shared=fit.shared,
        own=fit.own,
    )


def _read_without_preamble(reader: ByteReader, block: bytes) -> Header:
    """Look for a bare data set: some old archives store no preamble and no meta information."""
    if block[:2] in (b"\x02\0", b"\x08\0", b"\0\x08"):
        header = _read_by_pydicom(reader)
        if convert_to_text(header.get_value(TAGS["SOPClassUID"])).startswith("1.2.840.10008."):
            return header
    if not block:
        return Header(status=FileStatus.NOT_DICOM, detail="The file is empty.")
    for start, magic, kind in _ARCHIVES:
        if block[start : start + len(magic)] == magic:
            detail = f"{kind} It is not opened here: unpack it and index what is inside."
            return Header(status=FileStatus.ARCHIVE, detail=detail)
    if b"ACR-NEMA" in block[:_ACR_NEMA_WITHIN]:
        detail = (
            "An ACR-NEMA file, the forerunner of DICOM: convert it to DICOM (for instance with "
            "`dcmconv` or the archive's own export) and index that."
        )
        return Header(status=FileStatus.NOT_DICOM, detail=detail)
    return Header(status=FileStatus.NOT_DICOM, detail="Not a DICOM file.")


def _read_by_pydicom(reader: ByteReader) -> Header:
    stream = BufferedReader(ReaderStream(reader, longest_zeros=_LONGEST_ZEROS))
    try:
        dataset = read_partial(stream, lambda tag, _vr, _length: tag in PIXEL_TAGS, force=True)
        elements = [dataset.get_item(tag) for tag in list(dataset.keys())]
    except (*PYDICOM_ERRORS, RecursionError):
        return _build_damaged_header()
    implicit, little = dataset.original_encoding
    header = Header(
        status=FileStatus.IMAGE,
        transfer_syntax_uid=convert_to_text(dataset.file_meta.get("TransferSyntaxUID")),
        layout=_LAYOUTS[bool(implicit), little is not False],
        dataset=dataset,
    )
    if any(_is_cut(element) for element in elements):
        return _cut()
    position = stream.tell()
    stop = Stop.PIXELS if position < reader.size else Stop.END
    return _judge_header(header, reader, stop, position)


def _is_cut(element: object) -> bool:
    match element:
        case RawDataElement(value=bytes() as value, length=length):
            return len(value) < length and length != UNDEFINED_LENGTH
        case DataElement() | RawDataElement():
            return False
    return True


def _judge_header(
    header: Header, reader: ByteReader, stop: Stop, position: int, block: bytes = b""
) -> Header:
    """Set what the file is, by its class, and by whether its pixel data are all there."""
    if stop is Stop.CUT:
        return _cut()
    if stop is Stop.PIXELS:
        head = block[position : position + 12]
        if len(head) < 12:
            head = reader.read_at(position, 12)
        missing_pixels = describe_missing_pixels(
            reader, position, head, header.layout, _read_shape(header)
        )
        if missing_pixels:
            header.status, header.detail = FileStatus.TRUNCATED, missing_pixels
        return header
    class_uid = convert_to_text(header.get_value(TAGS["SOPClassUID"]))
    name = UID(class_uid).name if class_uid else "No SOPClassUID"
    if class_uid.startswith(_REPORTS) and class_uid != _KEY_OBJECTS:
        header.status, header.detail = FileStatus.STRUCTURED_REPORT, f"A report: {name}."
    elif "Image" in name:
        header.status = FileStatus.NO_PIXELS
        header.detail = f"{name}, but no pixel data: they were left out or the file is cut short."
    else:
        header.status, header.detail = FileStatus.NO_PIXELS, f"{name}: it holds no pixels."
    return header


def _read_shape(header: Header) -> PixelShape:
    if header.shared is not None and header.shared.own_tags.isdisjoint(_SHAPE):
        return _read_shared_shape(header.shared, header.layout, header.transfer_syntax_uid)
    return _build_shape(header)


@lru_cache(maxsize=16)
def _read_shared_shape(shared: SharedElements, layout: Layout, syntax: str) -> PixelShape:
    header = Header(
        status=FileStatus.IMAGE, transfer_syntax_uid=syntax, layout=layout, raw=shared.raw
    )
    return _build_shape(header)


def _build_shape(header: Header) -> PixelShape:
    *integers, photometric = (header.get_value(tag) for tag in _SHAPE)
    rows, columns, samples, bits, frames = (convert_to_integer(value) for value in integers)
    return PixelShape(
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_allocated=bits,
        frame_count=max(frames or 1, 1),
        photometric_interpretation=convert_to_text(photometric),
        transfer_syntax_uid=header.transfer_syntax_uid,
    )


def _cut() -> Header:
    return Header(
        status=FileStatus.TRUNCATED, detail="The file ends within its header: fetch it again."
    )


def _build_damaged_header() -> Header:
    return Header(
        status=FileStatus.UNREADABLE,
        detail="Its header is damaged and cannot be read: fetch it again.",
    )
