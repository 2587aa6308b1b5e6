"""The role of one volume by its own headers; every frame is asked, every step says why.

Order of tests (RULES, which series is which): reject, inversion time, TR and TE, fat suppression,
contrast. The role is as sure as the least sure of the steps that it rests on.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve, frozen

from opp_mri.dicom.roles.contrast import ContrastGiven, judge_contrast
from opp_mri.dicom.roles.dixon import DixonPart, judge_dixon_part
from opp_mri.dicom.roles.finding import Finding, Weighting
from opp_mri.dicom.roles.gradient_echo import judge_gradient_echo
from opp_mri.dicom.roles.image_kind import judge_image_kind
from opp_mri.dicom.roles.lexicon import Word
from opp_mri.dicom.roles.phrases import find_named
from opp_mri.dicom.roles.suppression import judge_fat_suppression
from opp_mri.dicom.roles.weighting import judge_weighting
from opp_mri.domain.imaging import (
    Instance,
    Plane,
    RoleCertainty,
    SeriesRole,
    Usability,
    VolumeDescription,
)

LOCALIZER_SLICES: Final = 5  # a localizer has fewer slices than this, or a localizer's timing
LOCALIZER_TR_MS: Final = 300
_ORDER: Final = (RoleCertainty.CERTAIN, RoleCertainty.LIKELY, RoleCertainty.IN_DOUBT)
_PULSE_EPI: Final = re.compile(r"\W*(ep[_a-z0-9]*|re_b\d+|epi\w*|dwi\w*|se_epi\w*)", re.IGNORECASE)
_NOT_T1_T2: Final = frozenset(
    [
        *("DIFFUSION", "PERFUSION", "FLOW_ENCODED", "TAGGING", "TEMPERATURE", "TOF", "T2_STAR"),
        *("MAGNETIZATION_TRANSFER",),
    ]
)
T1_WEIGHTINGS: Final = (Weighting.T1, Weighting.T1_INVERSION)


@frozen(kw_only=True)
class Judgement:
    """A role with its evidence.

    Parameters
    ----------
    role, certainty
        The role and how sure it is, or None.
    evidence
        Sentences, in the order of the tests.
    weighting
        What the timing says; None where the volume was rejected before.
    contrast
        Whether contrast had been given; the other series of the study may tell where it is None.
    """

    role: SeriesRole | None
    certainty: RoleCertainty | None = None
    evidence: tuple[str, ...]
    weighting: Weighting | None = None
    contrast: ContrastGiven


def judge(volume: VolumeDescription, *, allow_gradient_echo: bool = False) -> Judgement:
    """Judge one volume by its own headers alone.

    Parameters
    ----------
    volume
        Its `variants` are all asked: where they differ in their role, it has none.
    allow_gradient_echo
        Whether gradient echoes may have a role.
    """
    headers = volume.variants or (volume.instance,)
    judgements = [_judge(header, volume, allow_gradient_echo) for header in headers]
    first = judgements[0]
    if len({judgement.role for judgement in judgements}) > 1:
        sentence = f"No role: its slices differ in attributes that decide it. {volume.differences}"
        return Judgement(role=None, evidence=(sentence.strip(),), contrast=first.contrast)
    if first.certainty is None:
        return first
    least_sure = max(
        judgements, key=lambda judgement: _ORDER.index(judgement.certainty or _ORDER[0])
    )
    if volume.instance.study_date_from:
        date_sentence = (
            f"StudyDate is empty; the date is that of {volume.instance.study_date_from}."
        )
    elif volume.study_date is None:
        date_sentence = (
            "It has no date: StudyDate is empty, and no date of the scanner replaces it."
        )
    else:
        return least_sure
    return evolve(least_sure, evidence=(*least_sure.evidence, date_sentence))


def find_least_certainty(certainties: Iterable[RoleCertainty]) -> RoleCertainty:
    """Return the least sure of several certainties."""
    return max(certainties, key=_ORDER.index)


def _judge(header: Instance, volume: VolumeDescription, allow_gradient_echo: bool) -> Judgement:
    contrast_given = judge_contrast(header)
    if volume.usability is Usability.NOTHING:
        refusal = volume.refusal or "Nothing can be measured on it."
        return Judgement(role=None, evidence=(refusal,), contrast=contrast_given)
    part = judge_dixon_part(header)
    usable_part = part.value in (DixonPart.WATER, DixonPart.IN_PHASE)
    kind = judge_image_kind(header, is_dixon_part=usable_part)
    reason = (kind.sentence if kind.value else "") or _find_rejection(header, volume, part)
    echo = judge_gradient_echo(header)
    if not reason and not allow_gradient_echo and echo.value:
        reason = echo.sentence
    if reason:
        return Judgement(role=None, evidence=(reason,), contrast=contrast_given)
    weighted = judge_weighting(header)
    name_judgement = _judge_localizer_name(header)
    concerns = [
        kind,
        name_judgement,
        _find_clash(volume),
        _judge_unclear_diffusion(header),
        _judge_unclear_part(part),
    ]
    concerns += [echo] if echo.value is None and not allow_gradient_echo else []
    doubts = [finding for finding in concerns if finding.sentence]
    return _weigh(weighted, judge_fat_suppression(header), contrast_given, doubts)


def _weigh(
    weighted: Finding[Weighting],
    suppression: Finding[bool],
    contrast_given: ContrastGiven,
    doubts: Sequence[Finding[bool]],
) -> Judgement:
    """Return the role that weighting, fat suppression and contrast make together."""
    if weighted.value is None:
        end = "No role by its timing."
        return Judgement(role=None, evidence=(weighted.sentence, end), contrast=contrast_given)
    role, rests_on, end = _find_role(weighted, suppression, contrast_given)
    certainty = None
    findings: list[Finding[Weighting] | Finding[bool]] = [weighted, suppression, contrast_given]
    if role is SeriesRole.STIR:
        findings.remove(suppression)
    if role is not None:
        findings += doubts
        certainty = find_least_certainty(finding.certainty for finding in (*rests_on, *doubts))
    deciding_findings = (*rests_on, *doubts)
    open_questions = dict.fromkeys(
        f.sentence for f in deciding_findings if f.certainty is RoleCertainty.IN_DOUBT
    )
    evidence = [finding.sentence for finding in findings if finding.sentence not in open_questions]
    evidence += [f"In doubt: {sentence}" for sentence in open_questions]
    evidence.append(end)
    return Judgement(
        role=role,
        certainty=certainty,
        evidence=tuple(sentence for sentence in evidence if sentence),
        weighting=weighted.value,
        contrast=contrast_given,
    )


def _find_role(
    weighted: Finding[Weighting], suppression: Finding[bool], contrast_given: ContrastGiven
) -> tuple[SeriesRole | None, tuple[Finding[Weighting] | Finding[bool], ...], str]:
    """Return the role, the findings that it rests on, and why there is none."""
    after, is_after_doubtful = (
        contrast_given.value is True,
        contrast_given.certainty is RoleCertainty.IN_DOUBT,
    )
    fat_doubted = suppression.certainty is RoleCertainty.IN_DOUBT
    match weighted.value:
        case Weighting.STIR if after and not is_after_doubtful:
            return None, (), "No role: STIR is read before contrast, which it would suppress."
        case Weighting.STIR:
            return (
                SeriesRole.STIR,
                (weighted, *((contrast_given,) if is_after_doubtful else ())),
                "",
            )
        case Weighting.T2 if suppression.value:
            return SeriesRole.T2FS, (weighted, suppression), ""
        case Weighting.T2:
            return None, (), "No role: a plain T2 shows marrow lesions and fat alike."
        case Weighting.T1 | Weighting.T1_INVERSION if after:
            return SeriesRole.T1POST, (weighted, contrast_given), ""
        case Weighting.T1 | Weighting.T1_INVERSION if suppression.value and not (
            fat_doubted or is_after_doubtful
        ):
            return None, (), "No role: fat-suppressed T1 is read after contrast only."
        case Weighting.T1 | Weighting.T1_INVERSION if suppression.value and not fat_doubted:
            return SeriesRole.T1POST, (weighted, contrast_given), ""
        case Weighting.T1 | Weighting.T1_INVERSION:
            return SeriesRole.T1, (weighted, suppression, contrast_given), ""
    return None, (), ""


def _find_rejection(header: Instance, volume: VolumeDescription, part: Finding[DixonPart]) -> str:
    """Explain why a volume can have no role whatever its contrast, or ""."""
    sequence = {name.upper() for name in header.scanning_sequence}
    if header.modality not in {"MR", ""}:
        return f"Not MR: the modality is {header.modality}."
    if (header.diffusion_b_value or 0) > 0:
        return f"Diffusion-weighted: b = {header.diffusion_b_value:g} s/mm2."
    if header.acquisition_contrast.upper() in _NOT_T1_T2:
        return f"Neither T1 nor T2: AcquisitionContrast says {header.acquisition_contrast}."
    if (
        "EP" in sequence
        or header.echo_planar_pulse_sequence.upper() == "YES"
        or _PULSE_EPI.fullmatch(header.sequence_name)
    ):
        return "Echo-planar."
    if part.value in (DixonPart.FAT, DixonPart.OPPOSED, DixonPart.FRACTION):
        return f"{part.sentence} It has no role."
    if (word := _find_localizer_word(header)) and _has_localizer_timing(header, volume):
        return f'A localizer: the description says "{word}".'
    if volume.plane is not Plane.SAGITTAL:
        plane = volume.plane.value if volume.plane else "of unknown orientation"
        return f"Not sagittal: the slices are {plane}."
    return ""


def _find_clash(volume: VolumeDescription) -> Finding[bool]:
    """Return what a volume's clash of UIDs makes of it: doubt, where one of two must be wrong."""
    wrong = volume.clash.endswith("one is wrong.")
    certainty = RoleCertainty.IN_DOUBT if wrong else RoleCertainty.LIKELY
    return Finding(value=False, sentence=volume.clash, certainty=certainty)


def _judge_unclear_diffusion(header: Instance) -> Finding[bool]:
    """Return doubt where it is not clear whether an image is diffusion-weighted."""
    sentence = header.describe_unreadable_value("DiffusionBValue")
    return Finding(value=False, sentence=sentence, certainty=RoleCertainty.IN_DOUBT)


def _judge_unclear_part(part: Finding[DixonPart]) -> Finding[bool]:
    """Return doubt where it is not clear which part of a Dixon an image is."""
    sentence = part.sentence if part.certainty is RoleCertainty.IN_DOUBT else ""
    return Finding(value=False, sentence=sentence, certainty=RoleCertainty.IN_DOUBT)


def _find_localizer_word(header: Instance) -> str:
    return find_named(header.series_description, Word.LOCALIZER) or find_named(
        header.protocol_name, Word.LOCALIZER
    )


def _has_localizer_timing(header: Instance, volume: VolumeDescription) -> bool:
    """Recognise the fast, scant acquisition of a localizer; its name alone is not enough."""
    if volume.plane is not Plane.SAGITTAL:  # none of the roles, so the word has nothing against it
        return True
    tr = header.repetition_time_ms
    quick = tr is None or tr < LOCALIZER_TR_MS or judge_gradient_echo(header).value is True
    short = tr is not None and tr <= 1000 and len(volume.frames) < LOCALIZER_SLICES
    return quick or short


def _judge_localizer_name(header: Instance) -> Finding[bool]:
    """Note that a series with the timing of a role is called a localizer."""
    word = _find_localizer_word(header)
    if not word:
        return Finding(value=False, sentence="")
    t1_like = (header.repetition_time_ms or 0) <= 1000
    sentence = f'The description says "{word}", but its timing is not that of a localizer.'
    certainty = RoleCertainty.IN_DOUBT if t1_like else RoleCertainty.LIKELY
    return Finding(value=False, sentence=sentence, certainty=certainty)
