"""What a description says of contrast and of fat: not the words alone but their order.

"Post" before a treatment is not a contrast, "without" binds the next noun, and "with and without"
names an examination and no series.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise, permutations
from typing import Final

from attrs import frozen

from opp_mri.dicom.roles.lexicon import Token, Word, read_words


class Saying(StrEnum):
    """What a description says about contrast, or about fat suppression."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"
    SILENT = "silent"
    TREATMENT = "treatment"


@frozen(kw_only=True)
class Phrase:
    """What was said, and the words that say it.

    Parameters
    ----------
    saying
        What it comes to.
    words
        As they are written in the description, folded; "" where it is silent.
    """

    saying: Saying
    words: str = ""


_SILENT: Final = Phrase(saying=Saying.SILENT)
_BOTH: Final = "bothways"
_FILLERS: Final = frozenset(
    [
        *("iv", "agent", "admin", "administration", "of", "de", "der", "du", "la", "del", "di"),
        *("da", "do", "van", "af", "av", "des", "produit", "medio", "mezzo", "srodka", "the"),
        *("a", "al", "podaniem", "podaniu", "aplikaci", "введения", "введением", "gabe"),
        *("any", "madde", "intravenous", "intravenoso", "i"),
    ]
)
_MEDIUM: Final = frozenset({"medio", "mezzo", "produit"})  # "of contrast" is left to be understood
_POSTPOSITIONS: Final = frozenset(
    ["sonra", "sonrasi", "oncesi", "once", "후", "이후", "後", "后", "전", "前", "이전"]
)
# At the end of a name they speak of contrast, of a position or of a phase of a dynamic series
_HINTS: Final = frozenset(
    {
        "pos",
        "late",
        "delayed",
        "pg",
        "dyn",
        "dynamic",
        "dynamik",
        "iv",
        "kl",
        "podaniu",
        "延迟",
        "동적",
    }
)
_SPINE: Final = frozenset({"spine", "spin", "sp", "ws", "wirbelsaule", "t", "l"})
_FAT_WORDS: Final = (Word.FAT, Word.SUPPRESSION, Word.FAT_SUPPRESSED, Word.FAT_KEPT)
_NOUNS: Final = (Word.AGENT, *_FAT_WORDS)


@lru_cache(maxsize=4096)
def find_contrast_phrase(text: str) -> Phrase:
    """Return whether a description states that contrast had been given.

    Parameters
    ----------
    text
        SeriesDescription or ProtocolName, as written.

    Returns
    -------
    Phrase
        YES after contrast, NO before or without it, TREATMENT where "post" or "pre" speaks of a
        treatment, UNCLEAR where words contradict each other or "post" precedes an unknown
        word, else SILENT.
    """
    words = read_words(text)
    tokens = _without_both(words)
    sayings = [*_generate_agent_phrases(tokens), *_generate_order_phrases(tokens)]
    for number, token in enumerate(tokens):
        if token.has_meaning(Word.ENHANCED) and not token.has_meaning(Word.WEAK):
            is_negated = _get_token(tokens, number - 1).has_meaning(Word.WITHOUT, Word.BEFORE)
            is_negated = is_negated or token.sign == "-"
            sayings.append(_build_phrase(Saying.NO if is_negated else Saying.YES, tokens, number))
        elif token.has_meaning(Word.PLAIN):
            sayings.append(_build_phrase(Saying.NO, tokens, number))
    last = _get_token(tokens, len(tokens) - 1)
    hint = next((token.text for token in tokens if token.text in _HINTS), "")
    hint = hint or (last.text if last.text == "con" else "")
    if hint and not sayings:
        sayings.append(Phrase(saying=Saying.UNCLEAR, words=hint))
    if not sayings and last.text in ("with", "without"):  # "SAG T1 W/O"
        answer = Saying.YES if last.text == "with" else Saying.NO
        sayings.append(Phrase(saying=answer, words=last.text))
    before_last = _get_token(tokens, len(tokens) - 2)
    if not sayings and last.text in _MEDIUM and before_last.has_meaning(Word.WITH, Word.WITHOUT):
        answer = Saying.YES if before_last.has_meaning(Word.WITH) else Saying.NO
        sayings.append(_build_phrase(answer, tokens, len(tokens) - 1))
    if not sayings and (phrase_text := _describe_both_orders(words)):
        sayings.append(Phrase(saying=Saying.UNCLEAR, words=phrase_text))
    return _combine_phrases(sayings)


@lru_cache(maxsize=4096)
def find_fat_suppression_phrase(text: str) -> Phrase:
    """Return whether a description states that fat was suppressed.

    Parameters
    ----------
    text
        SeriesDescription or ProtocolName, as written.

    Returns
    -------
    Phrase
        YES, NO ("without fat sat"), UNCLEAR where words contradict each other, else SILENT.
    """
    tokens = _with_fat_joined(read_words(text))
    sayings = []
    for number, token in enumerate(tokens):
        if token.has_meaning(Word.FAT_KEPT):
            sayings.append(_build_phrase(Saying.NO, tokens, number))
        if not token.has_meaning(Word.FAT_SUPPRESSED):
            continue
        before, after = _get_token(tokens, number - 1), _get_token(tokens, number + 1)
        if before.text in _FILLERS:
            before = _get_token(tokens, number - 2)
        beyond = _get_token(tokens, number + 2)
        is_fat_kept = (
            token.sign == "-"
            or (before.has_meaning(Word.WITHOUT) and not _is_bound_back(tokens, number - 1))
            or (
                after.has_meaning(Word.WITHOUT)
                and not beyond.has_meaning(Word.AGENT, Word.ENHANCED)
            )
        )
        sayings.append(_build_phrase(Saying.NO if is_fat_kept else Saying.YES, tokens, number))
    return _combine_phrases(sayings)


def find_named(text: str, word: Word) -> str:
    """Return the first word of a description that has a meaning, or ""."""
    return next((token.text for token in read_words(text) if token.has_meaning(word)), "")


def _generate_agent_phrases(tokens: Sequence[Token]) -> Iterator[Phrase]:
    """Judge each word for the agent by its sign and its neighbours."""
    for number, token in enumerate(tokens):
        bare_letter = token.text in ("c", "k")
        if not (token.has_meaning(Word.AGENT) or bare_letter):
            continue
        if bare_letter and token.sign == "-" and _get_token(tokens, number + 1).text in _SPINE:
            continue  # "C- SPINE"
        if token.sign:
            yield _build_phrase(Saying.YES if token.sign == "+" else Saying.NO, tokens, number)
            continue
        place = number - 1
        while _get_token(tokens, place).text in _FILLERS or (
            place >= 0 and tokens[place].has_meaning(Word.AGENT) and not tokens[place].sign
        ):
            place -= 1
        before, after = _get_token(tokens, place), _get_token(tokens, number + 1)
        if after.text in _FILLERS:
            after = _get_token(tokens, number + 2)
        if before.has_meaning(Word.WITHOUT, Word.BEFORE):
            yield _build_phrase(Saying.NO, tokens, number)
        elif before.has_meaning(Word.AFTER, Word.WITH):
            yield _build_phrase(Saying.YES, tokens, number)
        elif bare_letter or after.has_meaning(Word.AGENT):
            continue
        elif _is_denied_after(after, _get_token(tokens, number + 2)):
            yield _build_phrase(Saying.NO, tokens, number)
        elif after.has_meaning(Word.AFTER) or not token.has_meaning(Word.WEAK):
            yield _build_phrase(Saying.YES, tokens, number)


def _is_denied_after(after: Token, beyond: Token) -> bool:
    """Return whether the words behind a noun deny it: "contrast off", "kontrast öncesi"."""
    if after.has_meaning(Word.BEFORE):
        return not beyond.has_meaning(Word.TREATMENT)
    return after.has_meaning(Word.WITHOUT) and not beyond.has_meaning(*_FAT_WORDS)


def _generate_order_phrases(tokens: Sequence[Token]) -> Iterator[Phrase]:
    """Judge each "pre" and "post" that does not precede a word for the agent."""
    names_treatment = any(token.has_meaning(Word.TREATMENT) for token in tokens)
    for number, token in enumerate(tokens):
        if not token.has_meaning(Word.BEFORE, Word.AFTER):
            continue
        before, place = _get_token(tokens, number - 1), number + 1
        while _get_token(tokens, place).text in _FILLERS:
            place += 1
        after = _get_token(tokens, place)
        if after.text.isdigit():
            after = _get_token(tokens, place + 1)
            if not after.has_meaning(Word.TREATMENT):
                after = Token(text="", meanings=frozenset({Word.NEUTRAL}))
        if after.has_meaning(Word.TREATMENT) or (
            token.text in _POSTPOSITIONS and before.has_meaning(Word.TREATMENT)
        ):
            yield _build_phrase(Saying.TREATMENT, tokens, number, place)
        elif (
            token.has_meaning(Word.WEAK)
            or after.has_meaning(Word.AGENT, Word.ENHANCED)
            or before.has_meaning(Word.AGENT, Word.ENHANCED)
            or (after.text in ("c", "k") and after.text)
        ):
            continue
        elif not after.text or after.meanings:
            yes = Saying.YES if token.has_meaning(Word.AFTER) else Saying.NO
            yield _build_phrase(Saying.UNCLEAR if names_treatment else yes, tokens, number)
        elif token.has_meaning(Word.AFTER):
            yield _build_phrase(Saying.UNCLEAR, tokens, number, place)


def _without_both(tokens: Sequence[Token]) -> list[Token]:
    """Leave out "with and without contrast" and "pre and post", which name an examination."""
    opposites = ((Word.WITH, Word.WITHOUT), (Word.BEFORE, Word.AFTER))
    joints = ("and", "und", "et", "y", "e", "en", "og", "och", "i", "a", "ve", "и", "o", "or")
    remaining_tokens: list[Token] = []
    number = 0
    while number < len(tokens):
        token = tokens[number]
        second = number + 2 if _get_token(tokens, number + 1).text in joints else number + 1
        second_token = _get_token(tokens, second)
        is_pair = any(
            (token.has_meaning(a) and second_token.has_meaning(b))
            or (token.has_meaning(b) and second_token.has_meaning(a))
            for a, b in opposites
        )
        if token.text == _BOTH or (
            is_pair and not _get_token(tokens, second + 1).has_meaning(Word.TREATMENT)
        ):
            number = number + 1 if token.text == _BOTH else second + 1
            while (
                _get_token(tokens, number).has_meaning(Word.AGENT)
                or _get_token(tokens, number).text in _FILLERS
            ):
                number += 1
            if (
                remaining_tokens
                and token.text == _BOTH
                and remaining_tokens[-1].has_meaning(Word.AGENT)
            ):
                remaining_tokens.pop()  # "KM +/-"
            continue
        remaining_tokens.append(token)
        number += 1
    return remaining_tokens


def _describe_both_orders(tokens: Sequence[Token]) -> str:
    """Return "pre post" where the two occur together: one series cannot be both."""
    for first, second in pairwise(tokens):
        if any(
            first.has_meaning(earlier) and second.has_meaning(later)
            for earlier, later in permutations((Word.BEFORE, Word.AFTER))
        ):
            return f"{first.text} {second.text}"
    return ""


def _with_fat_joined(tokens: Sequence[Token]) -> list[Token]:
    """Join a word for fat and one for suppression, in either order, to one that means both."""
    joined_tokens: list[Token] = []
    number = 0
    while number < len(tokens):
        token = tokens[number]
        second = number + 1
        while _get_token(tokens, second).text in _FILLERS:
            second += 1
        second_token = _get_token(tokens, second)
        if (token.has_meaning(Word.FAT) and second_token.has_meaning(Word.SUPPRESSION)) or (
            token.has_meaning(Word.SUPPRESSION) and second_token.has_meaning(Word.FAT)
        ):
            text = " ".join(part.text for part in tokens[number : second + 1])
            meanings = frozenset({Word.FAT_SUPPRESSED})
            joined_tokens.append(Token(text=text, meanings=meanings, sign=second_token.sign))
            number = second + 1
            continue
        if token.has_meaning(Word.FAT) and second_token.has_meaning(Word.FAT_KEPT):
            joined_tokens.append(second_token)
            number = second + 1
            continue
        joined_tokens.append(token)
        number += 1
    return joined_tokens


def _is_bound_back(tokens: Sequence[Token], number: int) -> bool:
    """Return whether a "without" belongs to the noun before it: "Gd: none, FS"."""
    return tokens[number].text in ("off", "none") and _get_token(tokens, number - 1).has_meaning(
        *_NOUNS
    )


def _combine_phrases(sayings: Sequence[Phrase]) -> Phrase:
    by_saying = {phrase.saying: phrase for phrase in reversed(sayings)}
    if Saying.YES in by_saying and Saying.NO in by_saying:
        words = f"{by_saying[Saying.NO].words}, {by_saying[Saying.YES].words}"
        return Phrase(saying=Saying.UNCLEAR, words=words)
    for answer in (Saying.NO, Saying.YES, Saying.UNCLEAR, Saying.TREATMENT):
        if answer in by_saying:
            return by_saying[answer]
    return _SILENT


def _build_phrase(
    answer: Saying, tokens: Sequence[Token], number: int, last: int | None = None
) -> Phrase:
    """Quote a word with the one before it where that belongs to it."""
    first = number
    while first > 0 and (
        tokens[first - 1].text in _FILLERS
        or tokens[first - 1].has_meaning(Word.WITHOUT, Word.WITH, Word.BEFORE, Word.AFTER)
    ):
        first -= 1
    end = number if last is None else min(last, len(tokens) - 1)
    if last is None and _get_token(tokens, number + 1).has_meaning(
        Word.WITHOUT, Word.BEFORE, Word.AFTER
    ):
        next_token = _get_token(tokens, number + 2)
        end = number if next_token.has_meaning(*_NOUNS, Word.TREATMENT) else number + 1
    quoted_tokens = tokens[first : end + 1]
    return Phrase(
        saying=answer,
        words=" ".join(f"{token.text}{token.sign}" for token in quoted_tokens),
    )


def _get_token(tokens: Sequence[Token], number: int) -> Token:
    return tokens[number] if 0 <= number < len(tokens) else Token(text="")
