r"""Characters that act on a terminal or a page instead of being read, written out as ``\u202e``.

A header, a table or a file name may hold escape sequences, which retitle or clear a terminal, BEL,
or bidirectional overrides, which show a name in another order than it has.
"""

import json
import re
from typing import Final

_ACTING: Final = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    r"\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"  # format characters (Cf) ...
    r"\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0001\U000e0020-\U000e007f"  # ... but the joiners U+200C and U+200D, which words need
    r"\u2028\u2029"  # separators of lines and paragraphs
)
_IN_TEXT: Final = re.compile(f"[{_ACTING}]")
_IN_LINE: Final = re.compile(rf"[{_ACTING}\t\n]")


def make_visible(text: str) -> str:
    """Write out what would act instead of being read; tabs and line feeds stay.

    Returns
    -------
    str
        The text, in which such a character is written as JSON writes it, so that a JSON document
        stays equal.
    """
    return text if text.isascii() and text.isprintable() else _IN_TEXT.sub(_write_out, text)


def make_line_visible(text: str) -> str:
    """Write out what would act, tabs and line feeds included: a value stays on its line."""
    return text if text.isprintable() else _IN_LINE.sub(_write_out, text)


def _write_out(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
