"""Assess the lesions of a project: timelines out of its readings, then the response rules."""

from collections.abc import Sequence
from typing import Any

from attrs import asdict, frozen

from opp_mri.domain.assessment import Criteria, MeasurementError, Mode, Rules
from opp_mri.domain.measurement import Lesion
from opp_mri.response.criteria import load_criteria
from opp_mri.response.outlook import Outlook, outlook
from opp_mri.workflow.assessing.assess import AssessedLesion, assess_timeline, assessment_record
from opp_mri.workflow.measuring.lesions import known_lesion
from opp_mri.workflow.measuring.timeline import LesionTimeline, lesion_timeline
from opp_mri.workflow.project import Project


@frozen(kw_only=True)
class ProjectLesion:
    """A lesion of a project with its timeline and, where it has a measurement, its assessment."""

    timeline: LesionTimeline
    assessed: AssessedLesion | None

    @property
    def outlook(self) -> Outlook | None:
        """What an open, enlarging lesion may become; None where it is withheld."""
        if self.assessed is None:
            return None
        return outlook(self.assessed.assessment, self.timeline.lesion.fractions)


def project_rules(
    project: Project, criteria: Criteria | None = None, mode: Mode = Mode.RETROSPECTIVE
) -> Rules:
    """Give rules with these criteria, or with those of the project's settings."""
    return Rules(criteria=criteria or load_criteria(project.settings.criteria), mode=mode)


def project_timelines(
    project: Project, lesion_ids: Sequence[str] = (), *, reader: str | None = None
) -> list[LesionTimeline]:
    """Give the timelines of some lesions, or of all.

    Raises
    ------
    UnknownError
        A lesion is not in the project.
    InputError
        Several readers measured a lesion and none was named.
    """
    lesions: Sequence[Lesion] = (
        [known_lesion(project.store, lesion_id) for lesion_id in lesion_ids]
        if lesion_ids
        else project.store.lesions()
    )
    return [lesion_timeline(project.store, lesion, reader=reader) for lesion in lesions]


def assess_project(
    project: Project,
    rules: Rules,
    lesion_ids: Sequence[str] = (),
    *,
    reader: str | None = None,
    error: MeasurementError | None = None,
) -> list[ProjectLesion]:
    """Assess some lesions of a project, or all; a lesion without measurement gets no answer.

    Parameters
    ----------
    error
        What calls are weighed with; None for the project's own, or the stated default.
    """
    from opp_mri.workflow.double_read.repeatability import (
        measurement_error,  # brings scipy's statistics
    )

    error = error or measurement_error(project.store)
    return [
        ProjectLesion(
            timeline=timeline,
            assessed=assess_timeline(timeline.timeline, rules, error=error)
            if timeline.timeline.observations
            else None,
        )
        for timeline in project_timelines(project, lesion_ids, reader=reader)
    ]


def project_lesion_record(lesion: ProjectLesion) -> dict[str, Any]:
    """Give what `opp-mri assess --project P --json` shows of an assessed lesion."""
    if lesion.assessed is None:
        raise ValueError("a lesion without measurement has no assessment to show")
    found = lesion.outlook
    flags = list(lesion.timeline.flags)
    for cell in lesion.timeline.cells:
        flags += [f"{cell.study_date}, {cell.sequence.value}: {flag}" for flag in cell.flags]
    return {
        **assessment_record(lesion.assessed),
        "level": lesion.timeline.lesion.level,
        "reader": lesion.timeline.reader,
        "flags": flags,
        "outlook": None if found is None else {**asdict(found), "sentence": found.sentence},
    }
