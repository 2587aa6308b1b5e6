"""T1, T2 or STIR by inversion, repetition and echo time (RULES: which series is which).

A name is asked only where timing is truly absent, and then the role is likely at most. A time that
is there but cannot be understood is named, and no name replaces it.
"""

import re
from typing import Final

from opp_mri.dicom.roles.finding import Finding, Weighting
from opp_mri.dicom.roles.lexicon import fold
from opp_mri.domain.imaging import Instance, RoleCertainty

GAUSS_PER_TESLA: Final = 10_000
HIGHEST_FIELD_T: Final = 20  # a larger number in MagneticFieldStrength is gauss

_STIR_NAME: Final = re.compile(
    r"(?<![a-z])(stir|tirm?|t2[ -]?tirm?|tir)(?![a-z])|(?<=t2)(stir|tirm)"
)
_WEIGHTING_NAME: Final = re.compile(r"(?<![a-z])t([12])(?!\d)")
_DENSITY_NAME: Final = re.compile(r"(?<![a-z])(pd|pdw|proton[ -]?density|dp|rho)(?![a-z])")
_FLAIR_NAME: Final = re.compile(r"(?<![a-z])(flair|tirm dark fluid|dark[ -]?fluid)(?![a-z])")
_TIMES: Final = (
    *("RepetitionTime", "EchoTime", "EffectiveEchoTime", "InversionTime", "InversionTimes"),
)


def judge_weighting(instance: Instance) -> Finding[Weighting]:
    """Return the weighting of an image.

    Parameters
    ----------
    instance
        The header of the image's own frame; times in ms.

    Returns
    -------
    Finding of Weighting
        None where the timing fits no role, or cannot be understood.
    """
    if unreadable := instance.describe_unreadable_value(*_TIMES):
        sentence = f"The timing cannot be judged: {unreadable}"
        return Finding(value=None, sentence=sentence)
    tr, te = instance.repetition_time_ms, instance.echo_time_ms
    if tr is None or te is None:
        return _judge_by_name(instance)
    timing = f"TR {tr:g} ms, TE {te:g} ms"
    if tr <= 0 or te <= 0:
        sentence = f"The timing cannot be judged: no image has {timing}."
        return Finding(value=None, sentence=sentence)
    inversion = instance.inversion_time_ms
    if inversion and inversion > 0:
        finding = _judge_by_inversion(instance, inversion, tr, te, timing)
    elif _has_inversion(instance):
        finding = _judge_by_unstated_inversion(instance, tr, te, timing)
    elif 300 <= tr <= 1000 and te <= 30:
        finding = Finding(value=Weighting.T1, sentence=f"T1-weighted: {timing}.")
    elif tr >= 2000 and te >= 50:
        finding = Finding(value=Weighting.T2, sentence=f"T2-weighted: {timing}.")
    else:
        return Finding(value=None, sentence=f"Neither T1- nor T2-weighted: {timing}.")
    return finding if finding.value is None else _compare_with_names(instance, finding)


def get_field_strength_t(instance: Instance) -> float | None:
    """Return the field strength in tesla; old GE headers write gauss."""
    field = instance.magnetic_field_strength
    if field is None or field <= 0:
        return None
    return field / GAUSS_PER_TESLA if field > HIGHEST_FIELD_T else field


def is_called_stir(instance: Instance) -> bool:
    """Return whether the header or the name calls the sequence STIR."""
    is_stir = instance.acquisition_contrast.upper() == "STIR"
    name = _name(instance)
    return is_stir or bool(_STIR_NAME.search(name) and not _FLAIR_NAME.search(name))


def _has_inversion(instance: Instance) -> bool:
    return (
        "IR" in {name.upper() for name in instance.scanning_sequence}
        or instance.inversion_recovery.upper() == "YES"
        or instance.acquisition_contrast.upper() == "STIR"
    )


def _judge_by_inversion(
    instance: Instance, inversion_ms: float, tr: float, te: float, timing: str
) -> Finding[Weighting]:
    timing = f"{timing}, TI {inversion_ms:g} ms"
    is_denied = instance.inversion_recovery.upper() == "NO"
    certainty = RoleCertainty.IN_DOUBT if is_denied else RoleCertainty.CERTAIN
    denial = ", but InversionRecovery says NO" if is_denied else ""
    if 80 <= inversion_ms <= 270 and tr >= 1400 and 20 <= te <= 90:
        unusual = _write_field_note(inversion_ms, get_field_strength_t(instance))
        if not is_denied and (not _has_inversion(instance) or unusual.startswith(",")):
            certainty = RoleCertainty.LIKELY
        sentence = f"STIR: {timing}{unusual}{denial}."
        return Finding(value=Weighting.STIR, sentence=sentence, certainty=certainty)
    if 600 <= inversion_ms <= 1100 and 1500 <= tr <= 2800 and te <= 35:
        sentence = f"T1-weighted by inversion: {timing}{denial}."
        return Finding(value=Weighting.T1_INVERSION, sentence=sentence, certainty=certainty)
    return Finding(value=None, sentence=f"Inversion recovery of another kind: {timing}.")


def _judge_by_unstated_inversion(
    instance: Instance, tr: float, te: float, timing: str
) -> Finding[Weighting]:
    if is_called_stir(instance) and tr >= 1400 and 20 <= te <= 90:
        return Finding(
            value=Weighting.STIR,
            sentence=f"STIR: inversion recovery without a stated TI, called STIR ({timing}).",
            certainty=RoleCertainty.LIKELY,
        )
    return Finding(value=None, sentence=f"Inversion recovery without a stated TI ({timing}).")


def _write_field_note(inversion_ms: float, field_t: float | None) -> str:
    """State at which field; fat is nulled later at a higher one, and an unusual TI is said."""
    if field_t is None:
        return ""
    low, high = (80, 160) if field_t < 0.7 else (100, 200) if field_t < 2 else (150, 270)
    if low <= inversion_ms <= high:
        return f" at {field_t:g} T"
    return f", unusual at {field_t:g} T"


def _compare_with_names(instance: Instance, finding: Finding[Weighting]) -> Finding[Weighting]:
    """Hold the timing against what the header and the names say; a contradiction is doubt."""
    acquisition_contrast = instance.acquisition_contrast.upper()
    fits = {
        Weighting.T1: {"T1"},
        Weighting.T1_INVERSION: {"T1", "FLUID_ATTENUATED"},
        Weighting.T2: {"T2"},
        Weighting.STIR: {"STIR", "T2", "T1", "FLUID_ATTENUATED", "PROTON_DENSITY"},
    }
    contradiction = ""
    if acquisition_contrast not in {
        "",
        "UNKNOWN",
        "MIXED",
        "OTHER",
        "NONE",
        *fits[finding.value or Weighting.T1],
    }:
        contradiction = f"AcquisitionContrast says {acquisition_contrast}"
    elif word := _find_contradicting_name(instance, finding.value):
        contradiction = f'the description says "{word}"'
    if not contradiction:
        return finding
    return Finding(
        value=finding.value,
        sentence=f"{finding.sentence[:-1]}; but {contradiction}.",
        certainty=RoleCertainty.IN_DOUBT,
    )


def _find_contradicting_name(instance: Instance, weighted: Weighting | None) -> str:
    """Return the word of the description that speaks of another weighting, or ""."""
    name = fold(instance.series_description)
    weighting_names = {match[0] for match in _WEIGHTING_NAME.finditer(name)}
    if weighted is Weighting.STIR:
        return (
            next(iter(weighting_names), "")
            if weighting_names == {"t1"} and not _STIR_NAME.search(name)
            else ""
        )
    if stir := _STIR_NAME.search(name):
        return stir[0]
    if weighted is Weighting.T2 and (flair := _FLAIR_NAME.search(name)):
        return flair[0]
    expected = "t2" if weighted is Weighting.T2 else "t1"
    if weighting_names and expected not in weighting_names:
        return next(iter(weighting_names))
    density = _DENSITY_NAME.search(name)
    return density[0] if density and not weighting_names else ""


def _judge_by_name(instance: Instance) -> Finding[Weighting]:
    """Take the weighting from a name, where the header holds no timing to judge."""
    absent = [
        name
        for name, value in (
            ("TR", instance.repetition_time_ms),
            ("TE", instance.echo_time_ms),
        )
        if value is None
    ]
    end = f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not recorded"
    acquisition_contrast = instance.acquisition_contrast.upper()
    if is_called_stir(instance):
        weighting = Weighting.STIR
    elif acquisition_contrast in ("T1", "T2"):
        weighting = Weighting(acquisition_contrast)
    elif match := _WEIGHTING_NAME.search(_name(instance)):
        weighting = Weighting(f"T{match[1]}")
    else:
        return Finding(value=None, sentence=f"{end[0].upper()}{end[1:]}, and nothing names a role.")
    if misfit := _describe_misfit(weighting, instance.repetition_time_ms, instance.echo_time_ms):
        sentence = f"{end[0].upper()}{end[1:]}, and {misfit} does not fit the name {weighting}."
        return Finding(value=None, sentence=sentence)
    return Finding(
        value=weighting, sentence=f"{weighting} by name: {end}.", certainty=RoleCertainty.LIKELY
    )


def _describe_misfit(weighting: Weighting, tr: float | None, te: float | None) -> str:
    """Return the time that is recorded and contradicts a name, or ""."""
    short = weighting is Weighting.T1
    if te is not None and te > 0 and (te > 30 if short else te < 20):
        return f"TE {te:g} ms"
    if tr is not None and tr > 0 and (tr >= 2000 if short else tr < 1400):
        return f"TR {tr:g} ms"
    return ""


def _name(instance: Instance) -> str:
    return fold(f"{instance.series_description} | {instance.protocol_name}")
