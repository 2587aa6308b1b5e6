"""Roles for all volumes of one time point: contrast that was given once stays.

A T1-weighted volume whose own header is silent is post-contrast if it was acquired after a
contrast-enhanced one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from opp_mri.dicom.roles.contrast import acquired_at
from opp_mri.dicom.roles.judge import T1_WEIGHTINGS, Judgement, judge
from opp_mri.domain.imaging import Instance, RoleCertainty, SeriesRole, VolumeDescription

LONGEST_EFFECT: Final = timedelta(hours=12)  # of contrast, within one time point


def assign_roles(
    volumes: Sequence[VolumeDescription], *, allow_gradient_echo: bool = False
) -> list[VolumeDescription]:
    """Give each volume of one time point its role, how sure it is, and the evidence.

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
    judged = [judge(volume, allow_gradient_echo=allow_gradient_echo) for volume in volumes]
    starts = [
        (moment, volume.instance)
        for volume, judgement in zip(volumes, judged, strict=True)
        if judgement.contrast.value is True
        and judgement.contrast.certainty is not RoleCertainty.IN_DOUBT
        and (moment := acquired_at(volume.instance))
    ]
    settled = [
        _with_earlier_contrast(volume, judgement, starts)
        for volume, judgement in zip(volumes, judged, strict=True)
    ]
    return [
        attrs.evolve(
            volume,
            role=judgement.role,
            role_certainty=judgement.certainty,
            evidence=judgement.evidence,
        )
        for volume, judgement in zip(volumes, settled, strict=True)
    ]


def _with_earlier_contrast(
    volume: VolumeDescription,
    judgement: Judgement,
    starts: Sequence[tuple[datetime, Instance]],
) -> Judgement:
    """Settle a silent header by the clock of the first contrast-enhanced series before it."""
    moment = acquired_at(volume.instance)
    if moment is None or judgement.weighting is None or judgement.contrast.value is not None:
        return judgement
    earlier = [start for start in starts if timedelta() < moment - start[0] <= LONGEST_EFFECT]
    if not earlier:
        return judgement
    start, source = min(earlier, key=lambda each: each[0])
    minutes = (moment - start).total_seconds() / 60
    number = "" if source.series_number is None else f" {source.series_number}"
    sentence = (
        f"After contrast: acquired {minutes:.0f} min after series{number}, "
        "which is contrast-enhanced."
    )
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
    kept = tuple(each for each in judgement.evidence if not each.startswith(("No ", "In doubt")))
    doubted = judgement.certainty is RoleCertainty.IN_DOUBT
    if not (judgement.contrast.denied or doubted):
        return attrs.evolve(
            judgement,
            role=SeriesRole.T1POST,
            certainty=RoleCertainty.LIKELY,
            evidence=(*kept, sentence),
        )
    end = f"In doubt: {judgement.contrast.sentence} {sentence}"
    return attrs.evolve(
        judgement,
        role=SeriesRole.T1POST,
        certainty=RoleCertainty.IN_DOUBT,
        evidence=(*kept, end),
    )
