"""Free text that may stay: words of the lexicon of series descriptions, terms, and codes."""

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from opp_mri.dicom.deidentify.allow_list import TERMS
from opp_mri.dicom.roles.lexicon import read_words
from opp_mri.dicom.sr import concepts

_PIECE: Final = re.compile(r"[^\W_]+|[\W_]+")
_NUMBER: Final = re.compile(r"\d{1,3}")
_LONG_NUMBER: Final = re.compile(r"\d{4}")


@cache
def _read_harmless_words() -> frozenset[str]:
    """Return technical words that name nobody, of `harmless_words.txt`."""
    source = files("opp_mri.dicom.deidentify").joinpath("harmless_words.txt")
    return frozenset(source.read_text(encoding="utf-8").split())


def clean_text(text: str) -> str:
    """Return a text with its known words only, and the signs between them."""
    pieces = _PIECE.findall(text)
    parts: list[str] = []
    for piece in pieces:
        if not piece[0].isalnum():
            if parts and parts[-1][-1].isalnum():
                parts.append(piece)
        elif is_known(piece):
            parts.append(piece)
    return "".join(parts).strip(" ,;:^/\\") if any(piece[0].isalnum() for piece in parts) else ""


@lru_cache(maxsize=8192)
def is_known(word: str) -> bool:
    """Return whether a word names nobody: a technical word or a number below 1000."""
    lowercase_word = word.casefold()
    if (
        _NUMBER.fullmatch(lowercase_word)
        or lowercase_word in _read_harmless_words()
        or word.upper() in TERMS
    ):
        return True
    if _LONG_NUMBER.search(lowercase_word):
        return False
    tokens = read_words(word)
    return bool(tokens) and all(token.meanings for token in tokens)


@cache
def list_known_meanings() -> frozenset[str]:
    """Return the meanings of codes of opp_mri and of the standard."""
    from pydicom.sr.codedict import codes

    own = {code.meaning for code in vars(concepts).values() if hasattr(code, "meaning")}
    for table in vars(concepts).values():
        if isinstance(table, dict):
            own |= {code.meaning for code in table.values() if hasattr(code, "meaning")}
    own |= set(concepts.VERTEBRAE)
    for scheme in ("DCM", "SCT", "UCUM"):
        vocabulary = getattr(codes, scheme)
        own |= {_find_meaning(vocabulary, name) for name in vocabulary.dir()}
    return frozenset(own)


def _find_meaning(vocabulary: Any, name: str) -> str:
    try:
        return str(getattr(vocabulary, name).meaning)
    except (AttributeError, RuntimeError):  # a name of several codes
        return ""
