"""The T2 ratios of a cohort: computed from the images of its project, where they are at hand."""

from collections.abc import Mapping
from datetime import date

import attrs

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.plausibility import DataWarning, WarningName
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import count_days
from opp_mri.workflow.assessing.respond import ProjectLesion
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.measuring.signal_ratio import (
    ReadingRatio,
    has_lost_reference,
    list_irradiated_levels,
    measure_ratio,
)
from opp_mri.workflow.project import Project

CellKey = tuple[date, SeriesRole]


def add_ratios(cohort: Cohort, project: Project) -> Cohort:
    """Return a cohort of a project with the T2 ratio of each volume that has a reference vertebra.

    Where a ratio is refused, or the images are gone, it has a warning instead.
    """
    lesions: list[AssessedLesion] = []
    warnings: list[DataWarning] = []
    for lesion in cohort.lesions:
        ratios = _measure_ratios(project, lesion)
        lesions.append(_with_ratios(lesion, ratios) if ratios else lesion)
        warnings += [
            DataWarning(
                name=WarningName.NO_T2_RATIO,
                lesion_id=lesion.lesion.lesion_id,
                sequence=sequence,
                day=count_days(lesion.lesion.ssrs_last_date, study_date),
                sentence=f"{sequence.value} of {study_date} has no T2 ratio"
                f"{f' to {ratio.level}' if ratio.level else ''}: {ratio.refusal}",
            )
            for (study_date, sequence), ratio in ratios.items()
            if ratio.refusal
        ]
    return attrs.evolve(cohort, lesions=tuple(lesions), ratio_warnings=tuple(warnings))


def _measure_ratios(project: Project, lesion: AssessedLesion) -> Mapping[CellKey, ReadingRatio]:
    readings = [
        cell.contours
        for cell in (lesion.cells if isinstance(lesion, ProjectLesion) else ())
        if cell.contours is not None
        and (cell.contours.reference or has_lost_reference(project.store, cell.contours))
    ]
    if not readings:
        return {}
    treated_levels = list_irradiated_levels(project.store, lesion.patient_id)
    return {
        reading.cell: measure_ratio(project.store, reading, treated_levels) for reading in readings
    }


def _with_ratios(lesion: AssessedLesion, ratios: Mapping[CellKey, ReadingRatio]) -> AssessedLesion:
    by_day = {
        (sequence, count_days(lesion.lesion.ssrs_last_date, study_date)): ratio.recorded_ratio
        for (study_date, sequence), ratio in ratios.items()
    }
    volumes = {
        sequence: tuple(
            attrs.evolve(volume, t2_ratio=by_day.get((sequence, volume.days_from_ssrs)))
            for volume in row
        )
        for sequence, row in lesion.timeline.volumes.items()
    }
    return attrs.evolve(lesion, timeline=attrs.evolve(lesion.timeline, volumes=volumes))
