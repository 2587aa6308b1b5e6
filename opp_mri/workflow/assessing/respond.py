"""Assess the lesions of a project: timelines out of its readings, then the response rules."""

from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen

from opp_mri.domain.assessment import Criteria, Mode, Rules
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.errors import ConflictError, ProjectError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify
from opp_mri.response.criteria import load_criteria
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.workflow.assessing.assess import build_assessment_json
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.timeline import LesionTimeline, build_lesion_timeline
from opp_mri.workflow.project import Project, open_project

LESIONS_OF_TASK: Final = 200


@frozen(kw_only=True, slots=False)
class ProjectLesion(AssessedLesion):
    """An assessed lesion of a project, with the cells that its lengths come from."""

    cells: tuple[Cell, ...]


def load_project_rules(
    project: Project, criteria: Criteria | None = None, mode: Mode = Mode.RETROSPECTIVE
) -> Rules:
    """Return rules with these criteria, or with those of the project's settings."""
    return Rules(criteria=criteria or load_criteria(project.settings.criteria), mode=mode)


def load_project_timelines(
    project: Project, lesion_ids: Sequence[str] = (), *, reader: str | None = None
) -> list[LesionTimeline]:
    """Return the timelines of some lesions, or of all.

    Raises
    ------
    UnknownError
        A lesion is not in the project.
    InputError
        Several readers measured a lesion and none was named.
    """
    store = project.store
    return [
        build_lesion_timeline(store, lesion, reader=reader)
        for lesion in select_lesions(store, lesion_ids)
    ]


def assess_project(
    project: Project,
    rules: Rules,
    lesion_ids: Sequence[str] = (),
    *,
    reader: str | None = None,
    error: MeasurementError | None = None,
) -> list[ProjectLesion]:
    """Assess some lesions of a project, or all; `is_measured` is False for one without a length.

    Parameters
    ----------
    error
        What calls are weighed with; None for the project's own, or the stated default.

    Raises
    ------
    UnknownError
        A lesion is not in the project.
    InputError
        Several readers measured a lesion and none was named.
    """
    from opp_mri.workflow.double_read.repeatability import (
        estimate_measurement_error,  # brings scipy's statistics
    )

    error = error or estimate_measurement_error(project.store)
    return [
        assess_lesion(timeline, rules, error=error)
        for timeline in load_project_timelines(project, lesion_ids, reader=reader)
    ]


def assess_project_on(
    executor: Executor,
    project: Project,
    rules: Rules,
    lesion_ids: Sequence[str] = (),
    *,
    reader: str | None = None,
) -> list[ProjectLesion]:
    """Assess some lesions of a project, or all, by workers that open the project themselves.

    Parameters
    ----------
    executor
        Workers that see the project's folder under the same path, and may use its database.

    Raises
    ------
    ProjectError
        The store is a file, which several machines cannot share.
    ConflictError
        Something was recorded meanwhile, so that lesions may have been read before and after it.
    InputError
        Several readers measured a lesion and none was named.
    """
    from opp_mri.workflow.double_read.repeatability import estimate_measurement_error

    if not project.settings.database:
        raise ProjectError(
            "The store of this project is a file, which several machines cannot share safely: omit "
            "--scheduler, or keep the store in PostgreSQL (`opp-mri init --database`)."
        )
    store = project.store
    head = store.get_head()
    folder, error = project.folder.absolute(), estimate_measurement_error(store)
    lesion_ids = [lesion.lesion_id for lesion in store.get_lesions()]
    chunks = [
        lesion_ids[n : n + LESIONS_OF_TASK] for n in range(0, len(lesion_ids), LESIONS_OF_TASK)
    ]
    futures = [executor.submit(_assess_chunk, folder, rules, ids, reader, error) for ids in chunks]
    lesions: list[ProjectLesion] = []
    for chunk, future in zip(chunks, futures, strict=True):
        try:
            lesions += future.result()
        except BrokenExecutor:  # given up, after several workers were lost
            lesions += assess_project(project, rules, chunk, reader=reader, error=error)
    if store.get_head() != head:
        raise ConflictError(
            "Something was recorded while the lesions were read: run the command again."
        )
    return lesions


def _assess_chunk(
    folder: Path,
    rules: Rules,
    lesion_ids: Sequence[str],
    reader: str | None,
    error: MeasurementError,
) -> list[ProjectLesion]:
    with open_project(folder) as project:
        return assess_project(project, rules, lesion_ids, reader=reader, error=error)


def assess_lesion(
    timeline: LesionTimeline, rules: Rules, *, error: MeasurementError = DEFAULT_ERROR
) -> ProjectLesion:
    """Classify a lesion of a project by its timeline."""
    return ProjectLesion(
        lesion=timeline.lesion,
        timeline=timeline.timeline,
        assessment=classify(timeline.timeline, rules),
        error=error,
        reader=timeline.reader,
        flags=timeline.flags,
        visits=timeline.visits,
        cells=timeline.cells,
    )


def build_project_lesion_json(lesion: ProjectLesion) -> dict[str, Any]:
    """Return what `opp-mri assess --project P --json` shows of an assessed lesion."""
    flags = list(lesion.flags)
    for cell in lesion.cells:
        flags += [f"{cell.study_date}, {cell.sequence.value}: {flag}" for flag in cell.flags]
    outlook = lesion.outlook
    return {
        **build_assessment_json(lesion),
        "level": lesion.lesion.level,
        "reader": lesion.reader,
        "flags": flags,
        "outlook": None if outlook is None else {**asdict(outlook), "sentence": outlook.sentence},
    }
