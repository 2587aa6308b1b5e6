"""Read a header by its likeness to those before it.

Files of a series have the same elements in the same order, and most of them are equal to the byte.
A template holds the elements of such headers. A header that fits is compared with it in a few long
pieces, and only the elements that differ from file to file are cut out of it. A header that does
not fit is walked element by element (`elements`), which gives the same.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from struct import error as Short  # noqa: N812 - the block is too short
from typing import Final, NamedTuple

from attrs import define, field, frozen

from opp_mri.dicom.headers.elements import UNDEFINED_LENGTH, Layout, skip_sequence

_MAGIC: Final = b"DICM"
_MAGIC_AT: Final = 128
_MOST_KEPT: Final = 8
_MOST_ELEMENTS: Final = 4096
_LEAST_READ: Final = 16 * 1024  # bytes
_MOST_READ: Final = 256 * 1024
_MARGIN: Final = 2048  # bytes by which a header may be longer than the one before it
_PIXEL_HEAD: Final = 12  # bytes before the pixels
_FRUITLESS: Final = 8  # templates in a row that no header fitted: few are made from then on
_MOST_DIFFERING: Final = 32  # elements within a series
_FIXED_META: Final = (b"\2\0\2\0", b"\2\0\x10\0")  # class of the content, transfer syntax


@frozen(eq=False)
class SharedElements:
    """Elements that all headers of a template share, to the byte: tag to element.

    Its identity represents its content, so that the meaning of elements can be cached by it.
    `own_tags` are the wanted elements of each header that they do not share.
    """

    raw: dict[int, bytes]
    own_tags: frozenset[int]


class Fit(NamedTuple):
    """A header that fits a template.

    Parameters
    ----------
    transfer_syntax_uid, layout
        The encoding.
    shared, own
        The wanted elements: those of all headers of the template, and the other ones.
    position
        Offset of the pixel data.
    """

    transfer_syntax_uid: str
    layout: Layout
    shared: SharedElements
    own: dict[int, bytes]
    position: int


class _Element(NamedTuple):
    """An element of a template.

    Parameters
    ----------
    head
        Its tag and VR.
    length_at, length_of, size
        Where its length is and how that is unpacked; where its value begins.
    tag
        Its tag where it is wanted.
    is_fixed
        True where it may not differ.
    """

    head: bytes
    length_at: int
    length_of: Callable[[bytes, int], tuple[int, ...]]
    size: int
    tag: int | None
    is_fixed: bool


class Template:
    """The elements of a header, from the file meta information to the pixel data.

    Parameters
    ----------
    block
        The bytes of a file from offset 0 on.
    starts
        Offsets of its elements, the last of them the pixel data.
    data_set_at
        Offset of its data set.
    transfer_syntax_uid, meta, layout
        The encodings of the file meta information and of the data set.
    fixed
        Tags of wanted elements that may not differ, as the meaning of others depends on them.
    """

    def __init__(
        self,
        block: bytes,
        starts: list[int],
        *,
        data_set_at: int,
        transfer_syntax_uid: str,
        meta: Layout,
        layout: Layout,
        fixed: tuple[int, ...],
    ) -> None:
        self._transfer_syntax_uid = transfer_syntax_uid
        self._layout = layout
        spans = list(pairwise(starts))
        self._elements = [
            _read_meta_element(block, start, meta)
            if start < data_set_at
            # the first of them shows whether there are VRs
            else _read_element(block, start, layout, fixed, is_first=start == data_set_at)
            for start, _ in spans
        ]
        self._contents: list[bytes | None] = [block[start:end] for start, end in spans]
        self._pixels = block[starts[-1] :][: _measure_head_size(layout)]
        self._most_differing = _MOST_DIFFERING
        self._fits = 0
        self._join()

    @property
    def has_repeated_tags(self) -> bool:
        """True where an element occurs twice, so that the last of the two counts."""
        tags = [element.tag for element in self._elements if element.tag is not None]
        return len({*tags}) < len(tags)

    def fit(self, block: bytes) -> Fit | None:
        """Fit the header at the start of a block; None where its elements are other ones."""
        fit = self._fit(block)
        if fit is None and self._adapt(block):
            fit = self._fit(block)
        self._fits += fit is not None
        return fit

    def _fit(self, block: bytes) -> Fit | None:
        position = _MAGIC_AT
        own: dict[int, bytes] = {}
        begins_with = block.startswith
        try:
            for run, run_size, length_at, length_of, size, tag in self._steps:
                if not begins_with(run, position):
                    return None
                start = position + run_size
                position = start + size
                length = length_of(block, start + length_at)[0]
                if length == UNDEFINED_LENGTH:
                    position = skip_sequence(block, position, self._layout)
                else:
                    position += length
                if tag is not None:
                    own[tag] = block[start:position]
        except (Short, ValueError, RecursionError):
            return None
        if not begins_with(self._last_run, position):
            return None
        position += len(self._last_run) - len(self._pixels)
        if position + _PIXEL_HEAD > len(block):
            return None
        return Fit(self._transfer_syntax_uid, self._layout, self._shared, own, position)

    def _adapt(self, block: bytes) -> bool:
        """Note which further elements differ in a header; False where its elements are others.

        Where very many differ, another series has begun, and the template is started again from it.
        """
        if not block.startswith(_MAGIC, _MAGIC_AT):
            return False
        position = _MAGIC_AT + len(_MAGIC)
        own: list[bytes | None] = []
        contents: list[bytes | None] = []
        try:
            for element, content in zip(self._elements, self._contents, strict=True):
                if content is not None and block.startswith(content, position):
                    position += len(content)
                    own.append(content)
                    contents.append(content)
                    continue
                if element.is_fixed or not block.startswith(element.head, position):
                    return False
                start = position
                length = element.length_of(block, position + element.length_at)[0]
                position += element.size
                if length == UNDEFINED_LENGTH:
                    position = skip_sequence(block, position, self._layout)
                else:
                    position += length
                own.append(block[start:position])
                contents.append(None)
        except (Short, ValueError, RecursionError):
            return False
        if not block.startswith(self._pixels, position):
            return False
        if contents.count(None) > self._most_differing:
            contents = self._start_values(own)
        self._contents = contents
        self._join()
        return True

    def _start_values(self, own: list[bytes | None]) -> list[bytes | None]:
        """Return what a new series probably shares, by one header: not what differed before."""
        if self._fits < 2:  # it is one series after all
            self._most_differing *= 2
        self._fits = 0
        if self._contents.count(None) > self._most_differing // 2:
            return own
        return [
            None if before is None else content
            for before, content in zip(self._contents, own, strict=True)
        ]

    def _join(self) -> None:
        """Join elements that do not differ into runs, each up to the head of one that does."""
        run = [_MAGIC]
        shared: dict[int, bytes] = {}
        self._steps = []
        for element, content in zip(self._elements, self._contents, strict=True):
            if content is None:
                joint_bytes = b"".join(run)
                self._steps.append((joint_bytes + element.head, len(joint_bytes), *element[1:5]))
                run = []
                continue
            run.append(content)
            if element.tag is not None:
                shared[element.tag] = content
        self._last_run = b"".join(run) + self._pixels
        self._shared = SharedElements(shared, frozenset({tag for *_, tag in self._steps if tag}))


def _measure_head_size(layout: Layout) -> int:
    return 4 if layout.implicit else 6


def _read_element(
    block: bytes, start: int, layout: Layout, fixed: tuple[int, ...], *, is_first: bool = False
) -> _Element:
    element = _parse_element_head(block[start : start + _measure_head_size(layout)], layout)
    return element._replace(is_fixed=True) if is_first or element.tag in fixed else element


@lru_cache(maxsize=_MOST_ELEMENTS)
def _parse_element_head(head: bytes, layout: Layout) -> _Element:
    tag, *_ = layout.element(head.ljust(12, b"\0"), 0)
    size = layout.find_value_offset(head)
    is_short = size == 8 and not layout.implicit
    return _Element(
        head=head,
        length_at=6 if is_short else size - 4,
        length_of=layout.short_length if is_short else layout.length,
        size=size,
        tag=layout.wanted.get(tag),
        is_fixed=False,
    )


def _read_meta_element(block: bytes, start: int, meta: Layout) -> _Element:
    element = _read_element(block, start, meta, ())
    # a sequence has no place there
    is_fixed = element.size != 8 or element.head[:4] in _FIXED_META
    return element._replace(tag=None, is_fixed=is_fixed)


@define(eq=False)
class Templates:
    """The templates of the last few kinds of headers.

    Parameters
    ----------
    span
        Bytes of a file that hold its whole header, as far as is known from those before it.
    """

    span: int = _LEAST_READ
    _kept: list[Template] = field(factory=list)  # the latest first
    _fruitless: int = 0

    def fit(self, block: bytes) -> Fit | None:
        """Fit the header at the start of a block to one of them; None where none fits."""
        for number, template in enumerate(self._kept):
            fit = template.fit(block)
            if fit is not None:
                self._kept.insert(0, self._kept.pop(number))
                self._fruitless = 0
                return fit
        return None

    def needs_template(self, block: bytes, starts: list[int]) -> bool:
        """Return whether a header that was walked should become a template.

        Parameters
        ----------
        block, starts
            As for `Template`.
        """
        needed_bytes = starts[-1] + _MARGIN
        if needed_bytes <= _MOST_READ:
            self.span = max(self.span, needed_bytes)
        if starts[-1] + _PIXEL_HEAD > len(block) or len(starts) > _MOST_ELEMENTS:
            return False
        self._fruitless += 1
        return self._fruitless <= _FRUITLESS or self._fruitless % _FRUITLESS == 0

    def add(self, template: Template) -> None:
        """Keep a template, in place of the one that was not needed for longest."""
        if template.has_repeated_tags:
            return
        self._kept.insert(0, template)
        del self._kept[_MOST_KEPT:]
