"""A cohort: the lesions of a project or of a folder of tables, classified."""

import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final

import attrs
from attrs import field, frozen

from opp_mri.domain.assessment import Criteria, Mode, Rules
from opp_mri.domain.columns.visit import VISIT_DAY_COLUMNS, VisitOfLesion
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.plausibility import (
    DataWarning,
    find_length_warnings,
    find_lesion_warnings,
    find_study_warnings,
)
from opp_mri.domain.timeline import Timeline, TreatmentEvent
from opp_mri.domain.visit import Visit
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify
from opp_mri.store.chain import Head
from opp_mri.tables.events import read_events
from opp_mri.tables.lesions import read_lesion_lines
from opp_mri.tables.measurements import read_sizes
from opp_mri.tables.source_lines import SourceLines
from opp_mri.tables.visits import read_visits
from opp_mri.units import count_days
from opp_mri.workflow.assessing.respond import assess_project, assess_project_on
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.events import convert_events, find_visit_events
from opp_mri.workflow.project import Project

LESIONS: Final = "lesions.csv"
MEASUREMENTS: Final = "measurements.csv"
EVENTS: Final = "events.csv"
VISITS: Final = "visits.csv"


@frozen(kw_only=True)
class Cohort:
    """Lesions with their lengths, events and categories.

    Parameters
    ----------
    lesions
        All of them, in the order of the project or the table; one that was not measured is among
        them, as screening counts it too.
    rules
        By which they were classified.
    readers
        Whose readings these are, where they come from a project: one reader, or the consensus.
    head
        Head of the project's chain of records, taken before they were read.
    lines
        Where the tables have the lesions and their studies, where they come from tables.
    ratio_warnings
        Why volumes have no T2 ratio, where these were asked for.
    """

    lesions: tuple[AssessedLesion, ...]
    rules: Rules
    readers: tuple[str, ...] = ()
    head: Head = field(factory=Head)
    lines: SourceLines = field(factory=SourceLines)
    ratio_warnings: tuple[DataWarning, ...] = ()

    @property
    def criteria(self) -> Criteria:
        """The criteria of the rules."""
        return self.rules.criteria

    @property
    def mode(self) -> Mode:
        """With hindsight, or as known at the last study."""
        return self.rules.mode

    @cached_property
    def warnings(self) -> tuple[DataWarning, ...]:
        """What is unlikely about the data, in the order of the lesions."""
        lesion_warnings = [*find_lesion_warnings(member.lesion for member in self.lesions)]
        for member in self.lesions:
            observations = member.timeline.observations
            lesion_warnings += find_length_warnings(member.lesion.lesion_id, observations)
            lesion_warnings += find_study_warnings(member.lesion, observations)
        lesion_warnings += self.ratio_warnings
        places = {member.lesion.lesion_id: n for n, member in enumerate(self.lesions)}
        return self.lines.locate(
            sorted(lesion_warnings, key=lambda warning: places[warning.lesion_id])
        )

    @cached_property
    def data_sha256(self) -> str:
        """SHA-256 of lesions, lengths and events: the same data, the same hash, in any order."""
        rows = sorted(
            json.dumps(_convert_to_plain(lesion), sort_keys=True, ensure_ascii=False)
            for lesion in self.lesions
        )
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def assess_project_cohort(
    project: Project,
    rules: Rules,
    lesion_ids: Sequence[str] = (),
    *,
    reader: str | None = None,
    executor: Executor | None = None,
) -> Cohort:
    """Take the lesions of a project, or some of them, by the readings that count.

    Parameters
    ----------
    reader
        Whose readings; None for the consensus, or the only reader of a lesion.
    executor
        Workers that read and assess all lesions of a project in PostgreSQL; None for this process.

    Raises
    ------
    InputError
        Several readers measured a lesion, there is no consensus, and none was named.
    UnknownError
        A lesion is not in the project.
    ProjectError
        The readings are those of a reader who is still blinded.
    """
    head = project.store.get_head()
    check_shown(project.store, [reader] if reader else ())
    if executor is None:
        lesions = assess_project(project, rules, lesion_ids, reader=reader)
    else:
        lesions = assess_project_on(executor, project, rules, lesion_ids, reader=reader)
    readers = list_readers(lesions)
    check_shown(project.store, readers)
    return Cohort(lesions=tuple(lesions), rules=rules, readers=readers, head=head)


def list_readers(lesions: Iterable[AssessedLesion]) -> tuple[str, ...]:
    """Name those whose readings the lesions have, in order."""
    return tuple(sorted({lesion.reader for lesion in lesions if lesion.reader}))


@contextmanager
def pause_collection() -> Iterator[None]:
    """Do not search for circles of objects: records have none, and each search walks them all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@pause_collection()
def assess_table_cohort(folder: Path, rules: Rules) -> Cohort:
    """Take the lesions of a folder of tables; no project and no images are needed.

    Parameters
    ----------
    folder
        Holds lesions.csv (the columns of `opp-mri lesion add --table` but for those of the seed,
        and `tracking_uid` where known), measurements.csv and perhaps events.csv (those of
        `opp-mri assess`, in days from SSRS).

    Raises
    ------
    InputError
        A table is missing or cannot be read, or names a lesion that lesions.csv does not.
    """
    if not (folder / LESIONS).is_file() or not (folder / MEASUREMENTS).is_file():
        raise InputError(
            f"{folder} does not contain the required tables, {LESIONS} and {MEASUREMENTS}: name a "
            "folder that `opp-mri cohort export` wrote."
        )
    rows = read_lesion_lines(folder / LESIONS)
    lesions = {name: lesion for name, (_, lesion) in rows.items()}
    sizes = read_sizes(folder / MEASUREMENTS, may_have_no_rows=True, lesions=lesions)
    events: dict[str, list[TreatmentEvent]] = {}
    if (folder / EVENTS).is_file():
        events = read_events(folder / EVENTS, lesions, LESIONS)
    visits = read_visits(folder / VISITS, lesions) if (folder / VISITS).is_file() else {}
    members = []
    for lesion_id, lesion in lesions.items():
        timeline = Timeline(
            lesion_id=lesion_id,
            first_fraction_day=count_days(lesion.ssrs_last_date, lesion.ssrs_first_date),
            observations=sizes.lengths.get(lesion_id, {}),
            volumes=sizes.volumes.get(lesion_id, {}),
            events=_convert_events(lesion, events.get(lesion_id, ()), visits.get(lesion_id, ())),
        )
        members.append(
            AssessedLesion(
                lesion=lesion,
                timeline=timeline,
                assessment=classify(timeline, rules),
                visits=visits.get(lesion_id, ()),
            )
        )
    lines = SourceLines(
        lesions_file=LESIONS,
        lesions={name: line for name, (line, _) in rows.items()},
        studies_file=MEASUREMENTS,
        studies=sizes.lines,
    )
    return Cohort(lesions=tuple(members), rules=rules, lines=lines)


def _convert_events(
    lesion: Lesion, treatment_events: Sequence[TreatmentEvent], visits: Sequence[Visit]
) -> tuple[TreatmentEvent, ...]:
    return (
        *convert_events(lesion),
        *treatment_events,
        *find_visit_events(lesion, visits, treatment_events),
    )


def _convert_to_plain(assessed_lesion: AssessedLesion) -> object:
    """Return all that a category, a table or a figure can depend on, as JSON knows it."""

    def convert_to_plain(_owner: object, _name: object, value: object) -> object:
        if isinstance(value, date):
            return value.isoformat()
        return str(value) if isinstance(value, Decimal) else value

    lengths = {
        sequence.value: [
            (observation.days_from_ssrs, str(observation.ap_mm)) for observation in observations
        ]
        for sequence, observations in assessed_lesion.timeline.observations.items()
    }
    lesion = attrs.asdict(
        attrs.evolve(assessed_lesion.lesion, events=()), value_serializer=convert_to_plain
    )
    rows = [
        VisitOfLesion(visit, assessed_lesion.lesion.ssrs_last_date)
        for visit in assessed_lesion.visits
    ]
    visits = [[str(column.of(row)) for column in VISIT_DAY_COLUMNS] for row in rows]
    events = [
        (event.days_from_ssrs, event.kind.value, event.value)
        for event in assessed_lesion.timeline.events
    ]
    volumes = {
        sequence.value: [(volume.days_from_ssrs, str(volume.volume_cc)) for volume in row]
        for sequence, row in assessed_lesion.timeline.volumes.items()
    }
    record = {"lesion": lesion, "lengths": lengths, "events": events, "visits": visits}
    # without volumes the hash stays what it was before there were any
    return record | {"volumes": volumes} if volumes else record
