"""Whether fat was suppressed: by the sequence's own statement, by Dixon, or by words."""

from typing import Final

from opp_mri.dicom.roles.dixon import DixonPart, judge_dixon_part
from opp_mri.dicom.roles.finding import Finding
from opp_mri.dicom.roles.phrases import Phrase, Saying, find_fat_suppression_phrase
from opp_mri.domain.imaging import Instance, RoleCertainty

# ScanOptions of the makers for spectral fat suppression, and for saturation of a region
SPECTRAL_OPTIONS: Final = frozenset(
    [
        *("FS", "SFS", "FATSAT", "FAT_SAT", "FAT SAT", "FSAT", "CHESS", "SPAIR", "SPIR", "SPECIAL"),
        *("ASPIR", "PASTA", "CHEMSAT", "FATSEP", "SPECIAL_GEMS", "FS_GEMS", "H-SINC", "DIXONW"),
    ]
)
SPATIAL_OPTIONS: Final = frozenset({"SP", "SAT_GEMS", "SAT", "SAT1", "SAT2", "SAT3", "SPATSAT"})


def judge_fat_suppression(instance: Instance) -> Finding[bool]:
    """Return whether fat was suppressed.

    Parameters
    ----------
    instance
        The header of the image's own frame.

    Returns
    -------
    Finding of bool
        IN_DOUBT where header and description contradict each other.
    """
    part = judge_dixon_part(instance)
    if part.value is DixonPart.WATER:
        return Finding(
            value=True,
            sentence=f"Fat-suppressed: {_lower(part.sentence)}",
            certainty=part.certainty,
        )
    if part.value is DixonPart.IN_PHASE:
        return Finding(
            value=False,
            sentence=f"Not fat-suppressed: {_lower(part.sentence)}",
            certainty=part.certainty,
        )
    if part.value is DixonPart.UNKNOWN:
        return Finding(value=True, sentence=part.sentence, certainty=part.certainty)
    phrase = _find_phrase(instance)
    options = {option.strip().upper() for option in instance.scan_options}
    suppression = instance.spectrally_selected_suppression.upper()
    if suppression in {"FAT", "FAT_AND_WATER"}:
        return _judge_by_statement(True, f"spectrally selected suppression {suppression}", phrase)
    if spectral := sorted(options & SPECTRAL_OPTIONS):
        return _judge_by_statement(True, f"ScanOptions {spectral[0]}", phrase)
    if suppression in {"NONE", "WATER"}:
        return _judge_by_statement(False, f"spectrally selected suppression {suppression}", phrase)
    return _judge_by_words(phrase, sorted(options & SPATIAL_OPTIONS))


def _judge_by_statement(is_suppressed: bool, source: str, phrase: Phrase) -> Finding[bool]:
    """Return what the header states, in doubt where the description says the opposite."""
    opposite = Saying.NO if is_suppressed else Saying.YES
    sentence = f"{'Fat-suppressed' if is_suppressed else 'Not fat-suppressed'}: {source}"
    if phrase.saying not in (opposite, Saying.UNCLEAR):
        return Finding(value=is_suppressed, sentence=f"{sentence}.")
    return Finding(
        value=True,  # the role that is then in doubt is that of a fat-suppressed image
        sentence=f'{sentence}; but the description says "{phrase.words}".',
        certainty=RoleCertainty.IN_DOUBT,
    )


def _judge_by_words(phrase: Phrase, spatial: list[str]) -> Finding[bool]:
    likely = RoleCertainty.LIKELY
    match phrase.saying:
        case Saying.YES:
            sentence = f'Fat-suppressed: the description says "{phrase.words}".'
            return Finding(value=True, sentence=sentence, certainty=likely)
        case Saying.NO:
            sentence = f'Not fat-suppressed: the description says "{phrase.words}".'
            return Finding(value=False, sentence=sentence)
        case Saying.UNCLEAR:
            return Finding(
                value=True,
                sentence=f'The description contradicts itself about fat: "{phrase.words}".',
                certainty=RoleCertainty.IN_DOUBT,
            )
    if spatial:
        sentence = f"Not fat-suppressed: ScanOptions {spatial[0]} is spatial saturation."
        return Finding(value=False, sentence=sentence)
    return Finding(value=False, sentence="No fat suppression is stated.")


def _find_phrase(instance: Instance) -> Phrase:
    """Ask the description, and the protocol where the description is silent."""
    phrase = find_fat_suppression_phrase(instance.series_description)
    return (
        phrase
        if phrase.saying is not Saying.SILENT
        else find_fat_suppression_phrase(instance.protocol_name)
    )


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
