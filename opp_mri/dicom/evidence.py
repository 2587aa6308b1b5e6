"""What a header says of weighting, fat suppression and contrast, with the sentence that says so.

Vendors write the same thing in many ways; the words they use are gathered here. Thresholds and
traps are those of RULES (which series is which).
"""

import re
from enum import StrEnum

from attrs import frozen

from opp_mri.domain.imaging import Instance, Plane, VolumeDescription

AGENT_MEANS_NONE = frozenset(
    {"", "off", "none", "no", "n", "nil", "0", "-", "na", "n/a", "pre", "without", "no contrast"}
)
FAT_SUPPRESSION_OPTIONS = frozenset({"FS", "FATSAT", "FAT_SAT", "CHESS", "SPAIR", "SPIR", "DIXONW"})
SPATIAL_SATURATION_OPTIONS = frozenset({"SP", "SAT_GEMS"})
GAUSS_PER_TESLA = 10_000
HIGHEST_FIELD_T = 20  # a larger number in MagneticFieldStrength is gauss

LOCALIZER = re.compile(
    r"(?<![a-z])(loc|locali[sz]er|locator|scout|survey|topogram|[23][ -]?pl(ane)?)(?![a-z])"
)
# "fs" by itself: not in FSE, FRFSE or FSPGR, which are fast spin echo and gradient echo
FAT_WORDS = re.compile(
    r"(?<![a-z])(fs|fat[ _-]?sat\w*|fat[ _-]?sup\w*|spair|spir|chess|ideal|water)(?![a-z])"
)
NOT_FAT_WORDS = re.compile(
    r"(?<![a-z])(no|non|not|without|w/?o|kein|ohne)[ _-]*(fs|fat[ _-]?s(at|up)\w*)(?![a-z])"
)
STIR_WORDS = re.compile(r"(?<![a-z])(stir|tirm?)(?![a-z])")
_AGENT = r"(iv[ -]?)?(contrast\w*|kontrast\w*|gd|gad\w*|km|ce|c)(?![a-z])"
_LACKING = r"pre|before|without|w/?o|no|non|ohne|kein\w*|vor|sans|avant|sin|senza|zonder"
# before and after treatment is not before and after contrast
_NOT_TREATED = r"(?![ -]*(op|surg|rad|rt|tx|treat|therap|sbrt|srs|ssrs|abl|chemo|biop|lam))"
# said of a whole examination, and so of no series: "L-SPINE W/WO CONTRAST"
PRE_AND_POST_WORDS = re.compile(
    r"(?<![a-z])((w|with|mit|avec|con)[ /&+,-]*(and |und |et |y )?(w/?o|without|ohne|sans|sin)"
    rf"|pre[ /&+,-]*(and )?post)(?![a-z])([ -]*{_AGENT})?"
)
PRE_WORDS = re.compile(
    rf"(?<![a-z])({_LACKING})[ -]*{_AGENT}"
    rf"|(?<![a-z])((pre|before){_NOT_TREATED}|without|w/?o|unenhanced|nati[vf]e?|plain)(?![a-z])"
    r"|造影前|非造影|単純"
)
POST_WORDS = re.compile(
    rf"(?<![a-z])((post|after){_NOT_TREATED}|gd|gad\w*|ce|t1c|contrast\w*|kontrast\w*|enhanced|km)"
    r"(?![a-z])|\+ ?c(?![a-z])|(?<![a-z])c\+|造影(?!前)"
)
WEIGHTING_WORDS = re.compile(r"(?<![a-z])t([12])")


class Weighting(StrEnum):
    """Contrast weighting by timing."""

    T1 = "T1"
    T1_INVERSION = "T1, inversion-prepared"
    T2 = "T2"
    STIR = "STIR"


@frozen(kw_only=True)
class Finding:
    """What was concluded, and the sentence that says from what.

    Parameters
    ----------
    value
        The conclusion, or None where the header does not allow one.
    sentence
        Shown to the user as evidence.
    """

    value: Weighting | bool | None
    sentence: str


def words(instance: Instance) -> str:
    """Give the free text of a header in which vendors and technologists say what was done."""
    return f"{instance.series_description} | {instance.protocol_name}".lower().replace("_", " ")


def echo_time_ms(volume: VolumeDescription) -> float | None:
    """Give the echo time of the volume's own frames: one instance may hold several echoes."""
    first = volume.frames[0].frame_number
    for frame in volume.instance.frames:
        if frame.frame_number == first and frame.echo_time_ms is not None:
            return frame.echo_time_ms
    return volume.instance.echo_time_ms


def field_strength_t(instance: Instance) -> float | None:
    """Give the field strength in tesla; old GE headers write gauss."""
    field = instance.magnetic_field_strength
    if field is None or field <= 0:
        return None
    return field / GAUSS_PER_TESLA if field > HIGHEST_FIELD_T else field


def rejection(volume: VolumeDescription, *, allow_gradient_echo: bool) -> str | None:
    """Say why a volume can have no role whatever its contrast, or None where it may have one."""
    instance = volume.instance
    kinds = {kind.upper() for kind in instance.image_type}
    text = words(instance)
    sequence = {name.upper() for name in instance.scanning_sequence}
    if instance.modality not in {"MR", ""}:
        return f"Not MR: the modality is {instance.modality}."
    if "LOCALIZER" in kinds or LOCALIZER.search(text):
        return "A localizer."
    if kinds & {"PROJECTION IMAGE", "MIP", "MIN_IP", "SUBTRACT", "SUBTRACTION", "SUB"}:
        return "Derived by projection or subtraction, not acquired."
    if kinds & {"DIFFUSION", "ADC", "TRACEW", "FA"} or (instance.diffusion_b_value or 0) > 0:
        return "Diffusion-weighted, or made from diffusion."
    if "EP" in sequence:
        return "Echo-planar."
    if kinds & {"F", "FAT", "OUT_PHASE", "OP", "OPP_PHASE", "FAT_FRACTION"}:
        return "A fat or opposed-phase image of a Dixon acquisition."
    if volume.plane is not Plane.SAGITTAL:
        plane = volume.plane.value if volume.plane else "of unknown orientation"
        return f"Not sagittal: the slices are {plane}."
    gradient = "GR" in sequence or instance.echo_pulse_sequence.upper() == "GRADIENT"
    if gradient and not allow_gradient_echo:
        return "A gradient echo, which this project does not use."
    return None


def weighting(volume: VolumeDescription) -> Finding:
    """Tell the weighting from inversion, repetition and echo time (RULES, the table of roles)."""
    instance = volume.instance
    tr, te = instance.repetition_time_ms, echo_time_ms(volume)
    if tr is None or te is None:
        return _weighting_by_name(instance)
    timing = f"TR {tr:g} ms, TE {te:g} ms"
    inversion = _inversion_time_ms(instance)
    if inversion is not None:
        return _inversion_weighting(instance, inversion, tr, te, timing)
    if _inverts(instance):
        named = STIR_WORDS.search(words(instance)) or _declares_stir(instance)
        if named and tr >= 1400 and 20 <= te <= 90:
            return Finding(
                value=Weighting.STIR,
                sentence=f"STIR: inversion recovery without a stated TI, called STIR ({timing}).",
            )
        return Finding(value=None, sentence=f"Inversion recovery without a stated TI ({timing}).")
    if 300 <= tr <= 1000 and te <= 30:
        return Finding(value=Weighting.T1, sentence=f"T1-weighted: {timing}.")
    if tr >= 2000 and te >= 50:
        return Finding(value=Weighting.T2, sentence=f"T2-weighted: {timing}.")
    return Finding(value=None, sentence=f"Neither T1- nor T2-weighted: {timing}.")


def fat_suppression(instance: Instance) -> Finding:
    """Tell whether fat was suppressed spectrally or by Dixon, from options, image type and name."""
    spectral = instance.spectrally_selected_suppression.upper()
    options = {option.strip().upper() for option in instance.scan_options}
    kinds = {kind.upper() for kind in instance.image_type}
    text = words(instance)
    if spectral in {"FAT", "FAT_AND_WATER"}:
        return Finding(value=True, sentence="Fat-suppressed: spectrally selected suppression FAT.")
    if found := sorted(options & FAT_SUPPRESSION_OPTIONS):
        return Finding(value=True, sentence=f"Fat-suppressed: ScanOptions {found[0]}.")
    if kinds & {"W", "WATER"}:
        return Finding(value=True, sentence="Fat-suppressed: the water image of a Dixon.")
    if NOT_FAT_WORDS.search(text):
        return Finding(value=False, sentence="Not fat-suppressed: the description says so.")
    if match := FAT_WORDS.search(text):
        return Finding(
            value=True, sentence=f'Fat-suppressed: the description says "{match.group(0)}".'
        )
    if spatial := sorted(options & SPATIAL_SATURATION_OPTIONS):
        return Finding(
            value=False,
            sentence=f"Not fat-suppressed: ScanOptions {spatial[0]} is spatial saturation.",
        )
    return Finding(value=False, sentence="Nothing says that fat was suppressed.")


def contrast(instance: Instance) -> Finding:
    """Tell whether contrast had been given; None where the header is silent.

    An absent agent proves nothing, and "off" is an absent agent. ProtocolName counts only where
    the series has no description: at some vendors it names the whole examination.
    """
    name = (instance.series_description or instance.protocol_name).lower().replace("_", " ")
    text = PRE_AND_POST_WORDS.sub(" ", NOT_FAT_WORDS.sub(" ", name))
    agent = instance.contrast_agent.strip()
    given = agent.lower() not in AGENT_MEANS_NONE
    pre = PRE_WORDS.search(text)
    post = POST_WORDS.search(PRE_WORDS.sub(" ", text))
    if instance.contrast_start_time and instance.acquisition_time and given:
        before = instance.acquisition_time < instance.contrast_start_time
        side = "before" if before else "after"
        return Finding(
            value=not before, sentence=f"Acquired {side} the start of contrast by the clock."
        )
    if pre and not post:
        but = ", though an agent is recorded" if given else ""
        return Finding(
            value=False, sentence=f'Before contrast: the description says "{pre.group(0)}"{but}.'
        )
    if given:
        return Finding(value=True, sentence="After contrast: an agent is recorded.")
    if (instance.contrast_volume_ml or 0) > 0:
        return Finding(value=True, sentence="After contrast: a volume of agent is recorded.")
    if post and not pre:
        return Finding(
            value=True, sentence=f'After contrast: the description says "{post.group(0)}".'
        )
    said = f'ContrastBolusAgent "{agent}" means none' if agent else "no agent is recorded"
    return Finding(value=None, sentence=f"No sign of contrast: {said}.")


def _inverts(instance: Instance) -> bool:
    return (
        "IR" in {name.upper() for name in instance.scanning_sequence}
        or instance.inversion_recovery.upper() == "YES"
        or _declares_stir(instance)
    )


def _declares_stir(instance: Instance) -> bool:
    return instance.acquisition_contrast.upper() == "STIR"


def _inversion_time_ms(instance: Instance) -> float | None:
    time_ms = instance.inversion_time_ms
    return time_ms if time_ms and time_ms > 0 else None


def _inversion_weighting(
    instance: Instance, inversion_ms: float, tr: float, te: float, timing: str
) -> Finding:
    timing = f"{timing}, TI {inversion_ms:g} ms"
    if 80 <= inversion_ms <= 270 and tr >= 1400 and 20 <= te <= 90:
        unusual = _unusual_inversion(inversion_ms, field_strength_t(instance))
        return Finding(value=Weighting.STIR, sentence=f"STIR: {timing}{unusual}.")
    if 600 <= inversion_ms <= 1100 and 1500 <= tr <= 2800 and te <= 35:
        return Finding(
            value=Weighting.T1_INVERSION, sentence=f"T1-weighted by inversion: {timing}."
        )
    return Finding(value=None, sentence=f"Inversion recovery of another kind: {timing}.")


def _unusual_inversion(inversion_ms: float, field_t: float | None) -> str:
    """Fat is nulled later at a higher field; an unusual TI is said, and does not reject."""
    if field_t is None:
        return ""
    low, high = (80, 160) if field_t < 0.7 else (100, 200) if field_t < 2 else (150, 270)
    if low <= inversion_ms <= high:
        return f" at {field_t:g} T"
    return f", unusual at {field_t:g} T"


def _weighting_by_name(instance: Instance) -> Finding:
    declared = instance.acquisition_contrast.upper()
    text = words(instance)
    if declared == "STIR" or STIR_WORDS.search(text):
        return Finding(value=Weighting.STIR, sentence="STIR by name; TR or TE is not recorded.")
    named = declared if declared in {"T1", "T2"} else ""
    if not named and (match := WEIGHTING_WORDS.search(text)):
        named = f"T{match.group(1)}"
    if not named:
        return Finding(value=None, sentence="TR or TE is not recorded, and nothing names a role.")
    return Finding(value=Weighting(named), sentence=f"{named} by name; TR or TE is not recorded.")
