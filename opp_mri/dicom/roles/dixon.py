"""Which part of a Dixon acquisition an image is: by its type, or else by the makers' names for it.

Water is fat-suppressed, in phase is plain; fat, opposed phase and fractions have no role.
"""

import re
from enum import StrEnum
from typing import Final

from opp_mri.dicom.roles.finding import Finding
from opp_mri.dicom.roles.lexicon import Word, fold, read_words
from opp_mri.dicom.roles.phrases import Saying, find_fat_suppression_phrase
from opp_mri.domain.imaging import Instance, RoleCertainty


class DixonPart(StrEnum):
    """A part of a Dixon acquisition."""

    WATER = "water"
    IN_PHASE = "in-phase"
    FAT = "fat"
    OPPOSED = "opposed-phase"
    FRACTION = "fat fraction or water fraction"
    UNKNOWN = "unknown"


_BY_TYPE: Final = {
    **dict.fromkeys(("W", "WATER", "WATER_ONLY", "DIXON_WATER", "DIXW"), DixonPart.WATER),
    **dict.fromkeys(("F", "FAT", "FAT_ONLY", "DIXON_FAT", "DIXF"), DixonPart.FAT),
    **dict.fromkeys(
        ("IP", "IN_PHASE", "IN PHASE", "INPHASE", "IN", "DIXON_IN", "DIXIN"), DixonPart.IN_PHASE
    ),
    **dict.fromkeys(
        [
            *("OP", "OPP", "OPP_PHASE", "OPP PHASE", "OUT_PHASE", "OUT PHASE", "OUTPHASE", "OUT"),
            *("OPPOSED", "OPPOSED_PHASE", "OUT_OF_PHASE", "OUT OF PHASE", "DIXON_OPP", "DIXOPP"),
        ],
        DixonPart.OPPOSED,
    ),
    **dict.fromkeys(
        [
            *("FAT_FRACTION", "FATFRACTION", "FAT FRACTION", "FF", "PDFF", "FAT_FRAC", "FATFRAC"),
            *("WATER_FRACTION", "WATER FRACTION", "WF"),
        ],
        DixonPart.FRACTION,
    ),
}
_NAMES: Final = (
    (DixonPart.FRACTION, r"(fat|water)[ _-]*frac\w*|pdff|fatfrac\w*"),
    (DixonPart.OPPOSED, r"(out|opp\w*)[ -]*(of[ -]*)?ph\w*|opposed|opp|oop"),
    (DixonPart.FAT, r"fat[ -]*(only|im\w*)|(only|nur)[ -]*(fat|fett)"),
    (DixonPart.IN_PHASE, r"in[ -]*phase|inph"),
    (
        DixonPart.WATER,
        r"water([ -]*(only|im\w*))?|wasser|eau|agua|acqua|wat|woda|voda|vatten|vand|vann|вода",
    ),
)
_BY_NAME: Final = tuple(
    (part, re.compile(rf"(?<![a-z])({pattern})(?![a-z])")) for part, pattern in _NAMES
)
_NOT_WATER: Final = re.compile(
    r"water[ -]*(exc\w*|sel\w*|sat\w*|supp\w*)|(without|no|ohne|sans)[ -]*water|fat[ /&+-]*water"
    r"|water[ /&+-]*fat"
)
# Letters that denote a part at the end, or before a colon, of a name with the word Dixon
_LETTERS: Final = {
    **dict.fromkeys(("w", "wat", "water"), DixonPart.WATER),
    **dict.fromkeys(("f", "fat"), DixonPart.FAT),
    **dict.fromkeys(("in", "ip", "inp", "inphase"), DixonPart.IN_PHASE),
    **dict.fromkeys(("op", "opp", "out", "oop", "outphase"), DixonPart.OPPOSED),
    **dict.fromkeys(("ff", "pdff", "fatfrac"), DixonPart.FRACTION),
}
_DIXON: Final = re.compile(
    r"(?<![a-z])(m?dixon\w*|mdix\w*|ideal(iq)?|(lava|vibe|fse|frfse)[ -]*flex|qdixon|dix"
    r"|wfi|wfs|wfop)(?![a-z])"
)
_PREFIX: Final = re.compile(r"\s*([a-z][a-z -]*?)\s*:")


def judge_dixon_part(instance: Instance) -> Finding[DixonPart]:
    """State which part of a Dixon acquisition an image is.

    Parameters
    ----------
    instance
        The header of the image's own frame.

    Returns
    -------
    Finding of DixonPart
        None where nothing speaks of Dixon; UNKNOWN, in doubt, where it is a Dixon image of which
        nothing states the part.
    """
    typed_part, kind = _judge_by_type(instance)
    name = instance.series_description or instance.protocol_name
    named_part, words = _judge_by_name(name)
    if typed_part is not None:
        sentence = f"The {typed_part} image of a Dixon acquisition: ImageType says {kind}."
        if named_part not in (None, DixonPart.UNKNOWN, typed_part):
            return Finding(
                value=typed_part,
                sentence=f'{sentence[:-1]}, but the description says "{words}".',
                certainty=RoleCertainty.IN_DOUBT,
            )
        return Finding(value=typed_part, sentence=sentence)
    if named_part is DixonPart.UNKNOWN:
        return Finding(
            value=named_part,
            sentence=f'A Dixon acquisition ("{words}") whose part is not known: '
            "nothing says water, fat, in phase or opposed phase.",
            certainty=RoleCertainty.IN_DOUBT,
        )
    if named_part is not None:
        return Finding(
            value=named_part,
            sentence=f"The {named_part} image of a Dixon acquisition: the description says "
            f'"{words}".',
            certainty=RoleCertainty.LIKELY,
        )
    return Finding(value=None, sentence="")


def _judge_by_type(instance: Instance) -> tuple[DixonPart | None, str]:
    kinds = [kind.strip().upper() for kind in instance.image_type[2:]]
    options = [option.strip().upper() for option in instance.scan_options]
    for kind in (*kinds, *(option for option in options if option.startswith("DIX"))):
        part = _BY_TYPE.get(kind)
        if part is not None:
            return part, kind
    return None, ""


def _judge_by_name(name: str) -> tuple[DixonPart | None, str]:
    """Read the part from a name: "WATER: ...", "..._W", "InPhase", "mDIXON"."""
    text = fold(name)
    dixon = _DIXON.search(text)
    prefix = _PREFIX.match(text)
    if prefix:
        letters = "".join(prefix[1].replace("-", " ").split())
        full = (part for part, pattern in _BY_NAME if pattern.fullmatch(prefix[1]))
        if part := next(full, _LETTERS.get(letters)):
            return part, f"{prefix[1]}:"
    for part, pattern in _BY_NAME:
        match = pattern.search(text)
        if match and not (part is DixonPart.WATER and _NOT_WATER.search(text)):
            return part, match[0]
    if dixon and (letters := _get_letters_after(text[dixon.end() :])):
        return _LETTERS[letters], letters
    fat = [token.text for token in read_words(name) if token.has_meaning(Word.FAT)]
    if fat and find_fat_suppression_phrase(name).saying is Saying.SILENT:
        return DixonPart.FAT, fat[0]
    return (DixonPart.UNKNOWN, dixon[0]) if dixon else (None, "")


def _get_letters_after(text: str) -> str:
    """Return the letters that denote a part after the word for Dixon, where there is only one."""
    words = re.findall(r"[a-z]+", text)
    with_agent = {
        number
        for number, word in enumerate(words[:-1])
        if word == "w" and any(t.has_meaning(Word.AGENT) for t in read_words(words[number + 1]))
    }
    letters = [w for number, w in enumerate(words) if w in _LETTERS and number not in with_agent]
    return letters[-1] if len({_LETTERS[word] for word in letters}) == 1 else ""
