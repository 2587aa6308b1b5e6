"""File names that are not text: on Linux a name is bytes, and an old CD may hold Latin-1 or EUC-JP.

Python gives each byte that is not UTF-8 as a lone surrogate (PEP 383), which no database takes as
text. Here such a byte becomes a character of the private use area, and the byte again on the way
out.
"""

from typing import Final

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

_KEPT: Final = {
    0xDC00 + byte: 0xEF00 + byte for byte in range(0x80, 0x100)
}  # as MirBSD's OPTU-8 does
_RESTORED: Final = {private: surrogate for surrogate, private in _KEPT.items()}


class FileName(TypeDecorator[str]):
    """Text that may hold bytes of a file name."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return what the database can keep."""
        return value if value is None or value.isascii() else value.translate(_KEPT)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the name as the file system knows it."""
        if value is None or value.isascii():
            return value
        return str(value).translate(_RESTORED)


def make_printable(sentence: str) -> str:
    """Return a sentence that holds a file name as text for a person to read."""
    return sentence.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
