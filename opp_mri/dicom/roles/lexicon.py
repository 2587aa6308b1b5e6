"""Read the words of a series description: what each means, in any of the languages of the lexicon.

The words are data (`lexicon.toml`). A description is written with and without spaces, signs and
accents, so a token that is not in the lexicon is taken apart into words that are ("postgd").
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from attrs import frozen


class Word(StrEnum):
    """What a word means; the names of the tables in the lexicon."""

    BEFORE = "before"
    AFTER = "after"
    WITHOUT = "without"
    WITH = "with"
    AGENT = "agent"
    AGENT_NAME = "agent_name"
    ENHANCED = "enhanced"
    PLAIN = "plain"
    TREATMENT = "treatment"
    FAT = "fat"
    SUPPRESSION = "suppression"
    FAT_SUPPRESSED = "fat_suppressed"
    FAT_KEPT = "fat_kept"
    SUBTRACTION = "subtraction"
    LOCALIZER = "localizer"
    WEAK = "weak"
    NEUTRAL = "neutral"


@frozen(kw_only=True)
class Token:
    """One word of a description.

    Parameters
    ----------
    text
        The word, folded by `fold`.
    meanings
        All that it can mean; empty for a word that is not in the lexicon.
    sign
        "+" or "-" where a sign belongs to the word ("+C", "KM-"), else "".
    """

    text: str
    meanings: frozenset[Word] = frozenset()
    sign: str = ""

    def has_meaning(self, *words: Word) -> bool:
        """Return whether one of these is among its meanings."""
        return not self.meanings.isdisjoint(words)


_NOT_DECOMPOSED: Final = str.maketrans(
    {"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "_": " ", "−": "-", "–": "-"}
)
_NOUNS: Final = r"cont|cte|gd|gad|mdc|civ|inj|fat|fs|sat|supr|m\.d\.c"
_BOTH_WAYS: Final = " bothways "
# Abbreviations that need their slash: spelled out before the text is cut into words
_SPELLED_OUT: Final = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"(?<![a-z])w[/+&, -]+w[/ -]?o(?![a-z])", _BOTH_WAYS),
        (r"(?<![a-z])w/?o\s*[/+&,-]\s*w(?![a-z])", _BOTH_WAYS),
        (r"(?<![a-z])wwo(?![a-z])|(?<![a-z])c[/+]s(?=[ /]*(cont|cte|gad|gd))", _BOTH_WAYS),
        (r"\+\s*/\s*-|\+-|±", _BOTH_WAYS),
        (r"(?<![a-z])w\s*/\s*o(?![a-z])|(?<![a-z])w/o(?=[a-z])|(?<![a-z])wo(?![a-z])", " without "),
        (r"(?<![a-z])w\s*/\s*-?(?=[a-z])", " with "),
        (r"(?<![a-z])s\s*[/.]\s*c(?![a-z])", " without contrast "),
        (r"(?<![a-z])o\.?\s?km(?![a-z])", " ohne km "),
        (r"(?<![a-z])m\.?\s?km(?![a-z])", " mit km "),
        (r"(?<![a-z])[np]\.?\s?km(?![a-z])", " nach km "),
        (r"(?<![a-z])u[/. ]+(?=kontr|gd|km)", " uden "),
        (r"(?<=[a-z])\s+([+-])\s*$", r"\1"),
        (r"(?<![a-z])c\s*/\s*c(?![a-z])", " with contrast "),
        (rf"(?<![a-z])(s\s*[/.])\s*(?={_NOUNS})", " without "),
        (rf"(?<![a-z])(c\s*[/.])\s*(?={_NOUNS})", " with "),
        (r"m\.d\.c\.?", " mdc "),
        (r"(?<![a-z])k\.\s?l\.", " kl "),
        (r"(?<![a-z])k\.\s?m\.", " km "),
        (r"(?<![a-z])i\.\s?v\.", " iv "),
        (r"(?<![a-z])p\.\s?[ci]\.", " post contrast "),
        (r"\s*\(\s*([+-])\s*\)", r"\1 "),
        (r"([+-])\s+(?=(c|k|gd|km|ce|kl|kontrast|contrast)(?![a-z]))", r" \1"),
    )
)  # fmt: skip
_TOKEN: Final = re.compile(r"[^\W_]+")
_IDEOGRAPHIC: Final = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)([+-]?)")
# a token is taken apart only where one of these is in it
_STRONG: Final = frozenset(
    {
        *(Word.BEFORE, Word.AFTER, Word.WITHOUT, Word.WITH, Word.AGENT, Word.ENHANCED),
        *(Word.PLAIN, Word.FAT_SUPPRESSED, Word.SUBTRACTION),
    }
)
_SIGNED_ALONE: Final = frozenset({"c", "k", "iv", "t1", "t1w"})  # "+C", "K-", "T1+"
_LEVEL: Final = re.compile(r"[a-z]|[ctls]\d{1,2}|\d+|\d+(mm|min|sec|s|ml|cc|t)")


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return text in lower case, in compatible letters, without accents that can be dropped."""
    lower = unicodedata.normalize("NFKC", text).casefold()
    characters = (
        letter
        for letter in unicodedata.normalize("NFD", lower)
        if not ("\u0300" <= letter <= "\u036f")
    )
    return unicodedata.normalize("NFC", "".join(characters)).translate(_NOT_DECOMPOSED)


@lru_cache(maxsize=4096)
def read_words(text: str) -> tuple[Token, ...]:
    """Cut a description into words and say what each means.

    Parameters
    ----------
    text
        SeriesDescription or ProtocolName, as written.

    Returns
    -------
    tuple of Token
        In order; a token that is made of several known words gives each of them.
    """
    folded_text = fold(text)
    for pattern, replacement in _SPELLED_OUT:
        folded_text = pattern.sub(replacement, folded_text)
    folded_text = _IDEOGRAPHIC.sub(lambda run: f" {_separate_words(run[1])}{run[2]} ", folded_text)
    return tuple(
        token
        for match in _TOKEN.finditer(folded_text)
        for token in _generate_tokens(
            match.group(0), _sign_at(folded_text, match.start(), match.end())
        )
    )


def _sign_at(text: str, start: int, end: int) -> str:
    """Return the sign of a word: "KM-", "KM+", "+KM", or " -KM"; a hyphen between words is none."""
    after, beyond = text[end : end + 1], text[end + 1 : end + 2]
    if after in ("+", "-") and not beyond.isalnum():
        return after
    before, ahead = text[start - 1 : start] if start else "", text[start - 2 : start - 1]
    if before == "+" or (before == "-" and not ahead.isalnum() and ahead not in (")", "+")):
        return before
    return ""


def _generate_tokens(text: str, sign: str) -> Iterator[Token]:
    parts = _take_apart(text)
    for number, part in enumerate(parts, start=1):
        own_sign = sign if number == len(parts) else ""
        meanings = _find_meanings(part)
        if own_sign and part in _SIGNED_ALONE:
            meanings = frozenset({Word.AGENT})
        yield Token(text=part, meanings=meanings, sign=own_sign)


@cache
def _read_vocabulary() -> tuple[Mapping[str, frozenset[Word]], tuple[tuple[str, Word], ...]]:
    """Return the whole words and the stems of the lexicon, the longest stem first."""
    tables = tomllib.loads(
        files("opp_mri.dicom.roles").joinpath("lexicon.toml").read_text(encoding="utf-8")
    )
    words: dict[str, frozenset[Word]] = {}
    stems: list[tuple[str, Word]] = []
    for table, languages in tables.items():
        for entry in (entry for entries in languages.values() for entry in entries):
            if entry.endswith("*"):
                stems.append((fold(entry[:-1]), Word(table)))
            else:
                folded_entry = fold(entry)
                words[folded_entry] = words.get(folded_entry, frozenset()) | {Word(table)}
    return words, tuple(sorted(stems, key=lambda stem: -len(stem[0])))


@lru_cache(maxsize=4096)
def _find_meanings(text: str) -> frozenset[Word]:
    words, stems = _read_vocabulary()
    meanings = words.get(text, frozenset())
    if not meanings:
        meanings = next(
            (frozenset({word}) for stem, word in stems if text.startswith(stem)), meanings
        )
    if Word.AGENT_NAME in meanings:
        return meanings | {Word.AGENT}
    if meanings:
        return meanings
    return frozenset({Word.NEUTRAL}) if _LEVEL.fullmatch(text) else frozenset()


@lru_cache(maxsize=4096)
def _take_apart(text: str) -> tuple[str, ...]:
    """Take a token apart into words of the lexicon, or give it whole."""
    if _find_meanings(text) or not text.isalnum() or len(text) > 40:
        return (text,)
    words, _ = _read_vocabulary()

    def split_rest(rest: str, depth: int) -> tuple[str, ...] | None:
        if not rest:
            return ()
        for length in range(len(rest), 1, -1):
            head = rest[:length]
            meanings = words.get(head) or (
                depth and _find_meanings(head) if length == len(rest) else None
            )
            if not meanings or Word.WEAK in meanings or depth > 4:
                continue
            tail = split_rest(rest[length:], depth + 1)
            if tail is not None:
                return (head, *tail)
        return None

    parts = split_rest(text, 0)
    if parts and any(not words.get(part, frozenset()).isdisjoint(_STRONG) for part in parts):
        return parts
    return (text,)


def _separate_words(run: str) -> str:
    """Part the known words of a run of ideographs or kana, the longest first."""
    words, _ = _read_vocabulary()
    parts: list[str] = []
    unknown = ""
    position = 0
    while position < len(run):
        for length in range(min(8, len(run) - position), 0, -1):
            piece = run[position : position + length]
            if piece in words:
                parts += [unknown, piece] if unknown else [piece]
                unknown = ""
                position += length
                break
        else:
            unknown += run[position]
            position += 1
    return " ".join([*parts, unknown] if unknown else parts)
