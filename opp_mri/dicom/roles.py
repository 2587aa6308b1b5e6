"""Which volume is T1, T2FS, STIR or T1POST: from its header, then from its study.

Order of tests (RULES, which series is which): reject, inversion time, TR and TE, fat suppression,
contrast. Every test leaves a sentence of evidence, so that a reader sees why.
"""

from collections.abc import Sequence
from datetime import datetime

import attrs
from attrs import frozen

from opp_mri.dicom.evidence import (
    Weighting,
    contrast,
    echo_time_ms,
    fat_suppression,
    rejection,
    weighting,
    words,
)
from opp_mri.domain.imaging import Instance, SeriesRole, Usability, VolumeDescription

T1_WEIGHTINGS = (Weighting.T1, Weighting.T1_INVERSION)


@frozen(kw_only=True)
class Judgement:
    """A role with its evidence.

    Parameters
    ----------
    role
        The role, or None.
    evidence
        Sentences, in the order of the tests.
    awaits_contrast
        True for a T1-weighted volume whose header is silent about contrast: the other series of
        the study may tell.
    gives_contrast
        True where the header itself says that contrast had been given.
    """

    role: SeriesRole | None
    evidence: tuple[str, ...]
    awaits_contrast: bool = False
    gives_contrast: bool = False


def assign_roles(
    volumes: Sequence[VolumeDescription], *, allow_gradient_echo: bool = False
) -> list[VolumeDescription]:
    """Give each volume of one study its role and evidence.

    Parameters
    ----------
    volumes
        All volumes of the study: contrast once given stays, so a T1-weighted volume that is
        acquired after a contrast-enhanced one is post-contrast even if its header is silent.
    allow_gradient_echo
        Whether gradient echoes may have a role.

    Returns
    -------
    list of VolumeDescription
        In the same order.
    """
    judged = [judge(volume, allow_gradient_echo=allow_gradient_echo) for volume in volumes]
    starts = [
        (moment, volume.instance)
        for volume, judgement in zip(volumes, judged, strict=True)
        if judgement.gives_contrast and (moment := acquired_at(volume.instance))
    ]
    first_contrast = min(starts, key=lambda start: start[0]) if starts else None
    return [
        attrs.evolve(volume, role=final.role, evidence=final.evidence)
        for volume, judgement in zip(volumes, judged, strict=True)
        for final in [_with_study(volume, judgement, first_contrast)]
    ]


def judge(volume: VolumeDescription, *, allow_gradient_echo: bool = False) -> Judgement:
    """Judge one volume by its own header alone."""
    given = contrast(volume.instance)
    if volume.usability is Usability.NOTHING:
        return Judgement(
            role=None,
            evidence=(volume.refusal or "Nothing can be measured on it.",),
            gives_contrast=given.value is True,
        )
    if reason := rejection(volume, allow_gradient_echo=allow_gradient_echo):
        return Judgement(role=None, evidence=(reason,), gives_contrast=given.value is True)
    weighted = weighting(volume)
    suppressed = fat_suppression(volume.instance)
    evidence: tuple[str, ...] = (weighted.sentence, suppressed.sentence, given.sentence)
    after = given.value is True
    match weighted.value:
        case Weighting.STIR if after:
            role, end = None, "No role: STIR is read before contrast, which it would suppress."
        case Weighting.STIR:
            role, end, evidence = SeriesRole.STIR, "", (weighted.sentence, given.sentence)
        case Weighting.T2 if suppressed.value:
            role, end = SeriesRole.T2FS, ""
        case Weighting.T2:
            role, end = None, "No role: a plain T2 shows marrow lesions and fat alike."
        case Weighting.T1 | Weighting.T1_INVERSION if after:
            role, end = SeriesRole.T1POST, ""
        case Weighting.T1 | Weighting.T1_INVERSION if suppressed.value:
            role, end = None, "No role: fat-suppressed T1 is read after contrast only."
        case Weighting.T1 | Weighting.T1_INVERSION:
            role, end = SeriesRole.T1, ""
        case _:
            role, end = None, "No role by its timing."
    return Judgement(
        role=role,
        evidence=(*evidence, end) if end else evidence,
        awaits_contrast=weighted.value in T1_WEIGHTINGS and given.value is None,
        gives_contrast=after,
    )


def confidence(volume: VolumeDescription) -> float:
    """Weigh how well a volume fits the role that it has; only differences matter.

    Measured timing outweighs names, a name that agrees helps, a reformat or a coarse grid hurts.
    """
    if volume.role is None:
        return 0.0
    if volume.role_overridden:
        return 100.0
    instance = volume.instance
    timed = instance.repetition_time_ms is not None and echo_time_ms(volume) is not None
    score = 4.0 if timed else 1.0
    text = words(instance)
    name = "stir" if volume.role is SeriesRole.STIR else volume.role.value[:2].lower()
    score += 1.0 if name in text else 0.0
    score += 0.5 if volume.usability is Usability.VOLUME else -1.5
    score += 0.5 if len(volume.frames) >= MIN_SPINE_SLICES else -0.5
    if any(kind.upper() in {"MPR", "REFORMATTED", "RESAMPLED"} for kind in instance.image_type):
        score -= 1.5
    if volume.pixel_spacing_mm is not None:
        score -= max(volume.pixel_spacing_mm)  # mm: finer is better
    return score


MIN_SPINE_SLICES = 7  # about 3 cm of 4 mm slices: the width of a vertebral body


def acquired_at(instance: Instance) -> datetime | None:
    """Give the moment of acquisition, by date and time of the header, or None."""
    day = instance.acquisition_date or instance.study_date
    if day is None or instance.acquisition_time is None:
        return None
    return datetime.combine(day, instance.acquisition_time)


def _with_study(
    volume: VolumeDescription,
    judgement: Judgement,
    first_contrast: tuple[datetime, Instance] | None,
) -> Judgement:
    """Settle a silent header by the clock of the study's first contrast-enhanced series."""
    if first_contrast is None:
        return judgement
    start, source = first_contrast
    moment = acquired_at(volume.instance)
    if moment is None or moment <= start:
        return judgement
    minutes = (moment - start).total_seconds() / 60
    number = "" if source.series_number is None else f" {source.series_number}"
    sentence = (
        f"After contrast: acquired {minutes:.0f} min after series{number}, "
        "which is contrast-enhanced."
    )
    if judgement.awaits_contrast:
        kept = tuple(s for s in judgement.evidence if not s.startswith("No "))
        return attrs.evolve(judgement, role=SeriesRole.T1POST, evidence=(*kept, sentence))
    if judgement.role is SeriesRole.STIR:
        end = "No role: STIR is read before contrast, which it would suppress."
        return attrs.evolve(judgement, role=None, evidence=(*judgement.evidence, sentence, end))
    return judgement
