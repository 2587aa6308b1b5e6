"""Roles for all volumes of one time point: contrast that was given once stays.

A T1-weighted volume whose own header is silent is post-contrast if it was acquired after a
contrast-enhanced one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from opp_mri.dicom.roles.contrast import compute_minutes_after_bolus, find_acquisition_time
from opp_mri.dicom.roles.finding import Weighting
from opp_mri.dicom.roles.judge import T1_WEIGHTINGS, Judgement, judge
from opp_mri.domain.imaging import Instance, RoleCertainty, SeriesRole, VolumeDescription

DAY: Final = timedelta(days=1)
EVERYWHERE: Final = (
    "every series of this date names an agent, so it does not tell which were acquired before it."
)
FEWEST_SERIES: Final = 3  # of one date, from which on an agent in each of them is not informative
LONGEST_EFFECT: Final = timedelta(hours=12)  # of contrast, within one time point


def assign_roles(
    volumes: Sequence[VolumeDescription], *, allow_gradient_echo: bool = False
) -> list[VolumeDescription]:
    """Return each volume of one time point its role, how sure it is, and the evidence.

    Parameters
    ----------
    volumes
        All volumes of the time point, since the later ones are after contrast too.
    allow_gradient_echo
        Whether gradient echoes may have a role.

    Returns
    -------
    list of VolumeDescription
        In the same order.
    """
    judgements = [judge(volume, allow_gradient_echo=allow_gradient_echo) for volume in volumes]
    enhanced_instances = [
        volume.instance
        for volume, judgement in zip(volumes, judgements, strict=True)
        if judgement.contrast.value is True
        and judgement.contrast.certainty is not RoleCertainty.IN_DOUBT
    ]
    starts = [
        (moment, instance)
        for instance in enhanced_instances
        if (moment := _start_of_contrast(instance))
    ]
    judgements = _without_diffusion_series(volumes, judgements)
    judgements = _with_first_phase_doubted(volumes, _with_agent_everywhere(volumes, judgements))
    settled_judgements = [
        _with_earlier_contrast(volume, judgement, starts)
        if find_acquisition_time(volume.instance)
        else _with_lower_number(volume, judgement, enhanced_instances)
        for volume, judgement in zip(volumes, judgements, strict=True)
    ]
    return [
        attrs.evolve(
            volume,
            role=judgement.role,
            role_certainty=judgement.certainty,
            evidence=judgement.evidence,
        )
        for volume, judgement in zip(volumes, settled_judgements, strict=True)
    ]


def _start_of_contrast(instance: Instance) -> datetime | None:
    """Return the start of contrast where it is recorded, else when this image was acquired."""
    moment, minutes = find_acquisition_time(instance), compute_minutes_after_bolus(instance)
    if moment is None or minutes is None:
        return moment
    return moment - timedelta(minutes=minutes)


def _measure_gap(moment: datetime, start: datetime, *, has_dates: bool) -> timedelta:
    """Return the time from the start of contrast; a clock without a date may be after midnight."""
    gap = moment - start
    return gap + DAY if not has_dates and gap < -DAY / 2 else gap


def _name_source(source: Instance) -> str:
    number = "" if source.series_number is None else f" {source.series_number}"
    return f"series{number}, which is contrast-enhanced"


def _with_agent_everywhere(
    volumes: Sequence[VolumeDescription], judgements: Sequence[Judgement]
) -> list[Judgement]:
    """Put contrast in doubt where each series of an examination names the agent.

    Then it was entered for the examination and does not tell which series came after it: those up
    to the first T1-weighted one and every STIR may be from before. A fat-suppressed T1 is not.
    """
    of_mr = [
        (v, j) for v, j in zip(volumes, judgements, strict=True) if v.instance.modality != "CT"
    ]
    series = {volume.series_instance_uid for volume, _ in of_mr}
    by_agent = [judgement.contrast.rests_on_agent for _, judgement in of_mr]
    if len(series) < FEWEST_SERIES or not all(by_agent):
        return list(judgements)
    t1 = [
        (
            find_acquisition_time(v.instance) or datetime.max,
            v.instance.series_number or 0,
            v.volume_id,
        )
        for v, j in zip(volumes, judgements, strict=True)
        if j.weighting in T1_WEIGHTINGS
    ]
    first = min(t1)[-1] if len(t1) > 1 else None
    return [
        _add_doubt(judgement, EVERYWHERE)
        if judgement.weighting is Weighting.STIR or volume.volume_id == first
        else judgement
        for volume, judgement in zip(volumes, judgements, strict=True)
    ]


def _without_diffusion_series(
    volumes: Sequence[VolumeDescription], judgements: Sequence[Judgement]
) -> list[Judgement]:
    """Take the role from an image without diffusion weighting (b = 0) of a diffusion series."""
    b_values = {
        volume.series_instance_uid: volume.instance.diffusion_b_value
        for volume in volumes
        if (volume.instance.diffusion_b_value or 0) > 0
    }
    new_judgements = []
    for volume, judgement in zip(volumes, judgements, strict=True):
        b_value = b_values.get(volume.series_instance_uid)
        if b_value is not None and judgement.role is not None:
            sentence = f"Of a diffusion series: other images of it have b = {b_value:g} s/mm2."
            judgement = Judgement(role=None, evidence=(sentence,), contrast=judgement.contrast)
        new_judgements.append(judgement)
    return new_judgements


def _with_first_phase_doubted(
    volumes: Sequence[VolumeDescription], judgements: Sequence[Judgement]
) -> list[Judgement]:
    """Put the first phase of a dynamic series in doubt: the bolus comes during the series."""
    phases: dict[str, dict[str, int]] = {}
    for volume, judgement in zip(volumes, judgements, strict=True):
        frame = volume.instance.frames[0]
        phase = frame.temporal_position or volume.instance.temporal_position
        if judgement.role is SeriesRole.T1POST and phase is not None:
            phases.setdefault(volume.series_instance_uid, {})[volume.volume_id] = phase
    first = {
        volume_id
        for of_series in phases.values()
        for volume_id, phase in of_series.items()
        if len(set(of_series.values())) > 1 and phase == min(of_series.values())
    }
    return [
        _add_doubt(
            judgement, "it is the first phase of a dynamic series, before or after the bolus."
        )
        if judgement.contrast.rests_on_agent and volume.volume_id in first
        else judgement
        for volume, judgement in zip(volumes, judgements, strict=True)
    ]


def _add_doubt(judgement: Judgement, reason: str) -> Judgement:
    role = SeriesRole.STIR if judgement.weighting is Weighting.STIR else judgement.role
    sentences = (
        sentence for sentence in judgement.evidence if not sentence.startswith(("No role", "After"))
    )
    end = f"In doubt: {judgement.contrast.sentence} But {reason}"
    return attrs.evolve(
        judgement, role=role, certainty=RoleCertainty.IN_DOUBT, evidence=(*sentences, end)
    )


def _with_lower_number(
    volume: VolumeDescription, judgement: Judgement, enhanced_instances: Sequence[Instance]
) -> Judgement:
    """Doubt a silent T1 or STIR without a time behind a contrast-enhanced series, by number."""
    silent = judgement.contrast.value is None and not judgement.contrast.denied
    if judgement.role is None or judgement.role is SeriesRole.T2FS or not silent:
        return judgement
    number = volume.instance.series_number or 0
    earlier = [
        instance for instance in enhanced_instances if (instance.series_number or 0) < number
    ]
    if not earlier:
        return judgement
    source = min(earlier, key=lambda instance: instance.series_number or 0)
    end = (
        f"In doubt: no time of acquisition is recorded, and the number of {_name_source(source)}, "
        "is lower: this one may be after contrast."
    )
    return attrs.evolve(
        judgement, certainty=RoleCertainty.IN_DOUBT, evidence=(*judgement.evidence, end)
    )


def _with_earlier_contrast(
    volume: VolumeDescription,
    judgement: Judgement,
    starts: Sequence[tuple[datetime, Instance]],
) -> Judgement:
    """Settle a silent header by the clock of the first contrast-enhanced series before it."""
    moment = find_acquisition_time(volume.instance)
    if moment is None or judgement.weighting is None or judgement.contrast.value is not None:
        return judgement
    has_date = volume.instance.acquisition_date is not None
    gaps = [(_measure_gap(moment, start, has_dates=has_date), source) for start, source in starts]
    earlier = [(gap, source) for gap, source in gaps if timedelta() < gap <= LONGEST_EFFECT]
    if not earlier:
        return judgement
    gap, source = max(earlier, key=lambda gap_and_source: gap_and_source[0])
    event = (
        "the start of contrast"
        if compute_minutes_after_bolus(source) is not None
        else _name_source(source)
    )
    sentence = f"After contrast: acquired {gap.total_seconds() / 60:.0f} min after {event}."
    if judgement.role is SeriesRole.STIR and judgement.contrast.denied:
        end = "In doubt: STIR is read before contrast, and it is not clear whether this one was."
        return attrs.evolve(
            judgement,
            certainty=RoleCertainty.IN_DOUBT,
            evidence=(*judgement.evidence, sentence, end),
        )
    if judgement.role is SeriesRole.STIR:
        end = "No role: STIR is read before contrast, which it would suppress."
        evidence = (*judgement.evidence, sentence, end)
        return attrs.evolve(judgement, role=None, certainty=None, evidence=evidence)
    if judgement.weighting not in T1_WEIGHTINGS:
        return judgement
    sentences = tuple(
        sentence_before
        for sentence_before in judgement.evidence
        if not sentence_before.startswith(("No ", "In doubt"))
    )
    is_doubtful = judgement.certainty is RoleCertainty.IN_DOUBT
    if not (judgement.contrast.denied or is_doubtful):
        return attrs.evolve(
            judgement,
            role=SeriesRole.T1POST,
            certainty=RoleCertainty.LIKELY,
            evidence=(*sentences, sentence),
        )
    end = f"In doubt: {judgement.contrast.sentence} {sentence}"
    return attrs.evolve(
        judgement,
        role=SeriesRole.T1POST,
        certainty=RoleCertainty.IN_DOUBT,
        evidence=(*sentences, end),
    )
