"""Whether an image is a magnitude image that was acquired: only such a case can have a role.

Phase, real and imaginary images, parameter maps, subtractions, projections, reformats, screen
saves, synthetic and registered images have none, whether ImageType says it, or FrameType, or
ComplexImageComponent, or the derivation, or only the name.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from opp_mri.dicom.roles.finding import Finding
from opp_mri.dicom.roles.lexicon import Word, fold
from opp_mri.dicom.roles.phrases import find_named
from opp_mri.domain.imaging import Instance, RoleCertainty

_ACQUIRED_TYPES: Final = re.compile(
    r"|M|M_\w+|MAGNITUDE|ND|NORM|DIS[23]D|OTHER|NONE|SE|SPIN_ECHO|TSE|FSE|T1|T2|PROTON_DENSITY|PD|STIR"
    r"|FIL|SH|MFSPLIT|PFP|CDIS|TTC|DIXON|UNSPECIFIED|VOLUME|IR|FFE|DERIVED|ORIGINAL|NORMAL"
    r"|MIXED|FLUID_ATTENUATED|DRB|DRG|DRS|GDC|AI"
)
# "phase" in these is not a phase image, and the others are ways to acquire or to reconstruct one
_ORDINARY_WORDS: Final = re.compile(
    r"(in|out|opp\w*)[ -]*(of[ -]*)?phase"
    r"|phase[ -]*(enc\w*|dir\w*|over\w*|wrap|corr\w*|array\w*|fov|[hrafl]{1,2}|>)"
    r"|no phase wrap|(early|late|delayed|arterial|venous|multi|dynamic)[ -]*phase"
    r"|deep[ -]*(resolve|recon\w*)|(air[ -]*)?recon[ -]*dl|dl[ -]*recon\w*|flow[ -]*comp\w*"
)
# Their images are corrected for motion as they are made from the acquired data, not afterwards
_RADIAL_BLADES: Final = re.compile(r"(?<![a-z])(t2 ?)?(blade|propeller|jet|multivane)")
_MOTION_CORRECTED: Final = re.compile(r"(?<![a-z])(moco|motion[ -]?correct\w*)")
# what a derivation may say of an image that is still the acquired one
_HARMLESS: Final = re.compile(
    r"lossy|lossless|jpeg|compress|anonymi[sz]|de-?identif|full fidelity"
    r"|^\W*original( image)?s?\W*$"
)

Patterns = tuple[tuple[re.Pattern[str], str], ...]


@cache
def _build_patterns(table: str) -> Patterns:
    """Return the patterns of a table of `image_kinds.toml`, each with what it makes of an image."""
    whole_words = table in ("names", "doubted")
    start, end = (r"(?<![a-z0-9])", r"(?![a-z0-9])") if whole_words else ("", "")
    return tuple(
        (re.compile(f"{start}(?:{'|'.join(patterns)}){end}"), sentence)
        for sentence, patterns in _read_tables()[table].items()
    )


@cache
def _read_tables() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the tables of `image_kinds.toml`: sentence to patterns, each."""
    data = files("opp_mri.dicom.roles").joinpath("image_kinds.toml").read_text(encoding="utf-8")
    return tomllib.loads(data)


def judge_image_kind(instance: Instance, *, is_dixon_part: bool) -> Finding[bool]:
    """Return whether an image is none that was acquired, or may be none.

    Parameters
    ----------
    instance
        The header of the image's own frame.
    is_dixon_part
        True for the water and in-phase images of a Dixon, which are computed by nature.

    Returns
    -------
    Finding of bool
        True with the sentence that rejects it; None, in doubt, with the sentence that says why it
        may be none; False where nothing speaks against it.
    """
    component = instance.complex_image_component.strip().upper()
    if component not in ("", "MAGNITUDE"):
        sentence = f"Not a magnitude image: ComplexImageComponent says {component}."
        return Finding(value=True, sentence=sentence)
    if instance.volume_based_calculation_technique.upper() not in ("", "NONE"):
        technique = instance.volume_based_calculation_technique
        return _build_rejection(f"Computed from a volume: {technique}.")
    kinds = [kind.strip().upper() for kind in instance.image_type]
    for kind in kinds[2:]:
        for pattern, sentence in _build_patterns("types"):
            if pattern.fullmatch(kind):
                return _build_rejection(f"{sentence[:-1]}: ImageType says {kind}.")
    text = fold(f"{instance.series_description} | {instance.protocol_name}")
    text = _ORDINARY_WORDS.sub(" ", text)
    if _RADIAL_BLADES.search(text):
        text = _MOTION_CORRECTED.sub(" ", text)
    if name_kind := _find_kind(text, instance.series_description, instance.protocol_name):
        return _build_rejection(name_kind)
    is_derived = "DERIVED" in kinds[:1] or "SECONDARY" in kinds[1:2]
    if rejection := _judge_by_derivation(instance):
        return rejection
    ordinary = is_dixon_part or _is_makers_ordinary_image(instance, kinds)
    return _judge_by_doubt(text, kinds, is_derived=is_derived, is_ordinary=ordinary)


def list_derivations(instance: Instance) -> tuple[str, ...]:
    """Return what the header says of the image's derivation, compression left out."""
    texts = (instance.derivation_description, *instance.derivation_codes)
    return tuple(text for text in texts if text and not _is_harmless(text))


@lru_cache(maxsize=1024)
def _is_harmless(derivation: str) -> bool:
    """Recognise a derivation that is only compression or the like."""
    text = fold(derivation)
    is_computed = any(pattern.search(text) for pattern, _ in _build_patterns("derivations"))
    return bool(_HARMLESS.search(text)) and not is_computed


@lru_cache(maxsize=4096)  # series of many studies have one name
def _find_kind(text: str, *names: str) -> str:
    """State which kind of computed image a name says, or ""."""
    for pattern, sentence in _build_patterns("names"):
        if match := pattern.search(text):
            return f'{sentence[:-1]}: the description says "{match[0].strip()}".'
    for name in names:
        if word := find_named(name, Word.SUBTRACTION):
            return f'A subtraction: the description says "{word}".'
    return ""


def _judge_by_derivation(instance: Instance) -> Finding[bool] | None:
    texts = list_derivations(instance)
    for text in texts:
        for pattern, sentence in _build_patterns("derivations"):
            if pattern.search(fold(text)):
                return _build_rejection(f'{sentence[:-1]}: its derivation says "{text}".')
    if texts:
        return _build_doubt(f'Its derivation says "{texts[0]}", which is not known here.')
    return None


def _judge_by_doubt(
    text: str, kinds: list[str], *, is_derived: bool, is_ordinary: bool
) -> Finding[bool]:
    for pattern, sentence in _build_patterns("doubted"):
        if match := pattern.search(text):
            end = f'the description says "{match[0].strip()}"'
            if is_derived:
                return _build_rejection(f"{sentence[:-1]}: it is derived, and {end}.")
            return _build_doubt(f"It may be {sentence[0].lower()}{sentence[1:-1]}: {end}.")
    for kind in kinds[2:]:
        for pattern, sentence in _build_patterns("doubted_types"):
            if pattern.fullmatch(kind):
                return _build_doubt(f"{sentence[:-1]}: ImageType says {kind}.")
    if is_derived and not is_ordinary:
        unknown = _list_unknown(kinds[2:])
        end = f', and "{unknown[0]}" is not known here' if unknown else ""
        image_type = "\\".join(kinds[:3])
        return _build_doubt(f"It was derived from other images: ImageType is {image_type}{end}.")
    if kinds[:1] == ["DERIVED"] and (unknown := _list_unknown(kinds[2:])):
        return _build_doubt(
            f'It was derived, and "{unknown[0]}" in its ImageType is not known here.'
        )
    return Finding(value=False, sentence="")


def _is_makers_ordinary_image(instance: Instance, kinds: Sequence[str]) -> bool:
    """Recognise Hitachi's magnitude image: all its images are DERIVED, and AI is its ProcType."""
    maker = instance.manufacturer.upper()
    return ("HITACHI" in maker or "FUJIFILM" in maker) and kinds[3:] == ["AI"]


def _list_unknown(kinds: Iterable[str]) -> list[str]:
    dixon = re.compile(r"W|WATER|IP|IN_PHASE|IN PHASE|INPHASE|IN|F|FAT|WATER_ONLY|DIXW|DIXIN")
    return [k for k in kinds if not (_ACQUIRED_TYPES.fullmatch(k) or dixon.fullmatch(k))]


def _build_rejection(sentence: str) -> Finding[bool]:
    return Finding(value=True, sentence=sentence)


def _build_doubt(sentence: str) -> Finding[bool]:
    return Finding(value=None, sentence=sentence, certainty=RoleCertainty.IN_DOUBT)
