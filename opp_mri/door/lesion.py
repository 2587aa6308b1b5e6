"""A lesion of a project: its timeline as a table, and its assessment."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import pandas as pd

from opp_mri.cohort.figures.timeline_figure import draw_timeline
from opp_mri.domain.assessment import Criteria, Reason, ResponseCategory
from opp_mri.door.figure import Figure
from opp_mri.door.frames import flatten_record
from opp_mri.door.rules import RETROSPECTIVE, choose_rules
from opp_mri.door.tables import add_probability
from opp_mri.errors import InputError
from opp_mri.response.classify import classify
from opp_mri.response.lack import describe_lacks
from opp_mri.units import number, weeks_from_days
from opp_mri.workflow.assessing.respond import (
    ProjectLesion,
    assess_project,
    build_project_lesion_json,
    load_project_timelines,
)
from opp_mri.workflow.cohort.pictures import find_timeline_marks
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.timeline import LesionTimeline
from opp_mri.workflow.project import Project

COLUMNS: Final = (
    "date", "day", "week", "sequence", "mm", "cc", "cc_error", "status", "phase", "note"
)  # fmt: skip


class Timeline:
    """The lengths of a lesion by visit and sequence; shows itself as a table."""

    def __init__(self, timeline: LesionTimeline, criteria: Criteria) -> None:
        self._timeline = timeline
        self._criteria = criteria

    @property
    def reader(self) -> str:
        """Name of the reader whose readings these are; empty where there are none."""
        return self._timeline.reader

    @property
    def flags(self) -> tuple[str, ...]:
        """Sentences on what a reader should know of the whole timeline."""
        return self._timeline.flags

    def to_frame(self) -> pd.DataFrame:
        """Return the timeline as a frame.

        Returns
        -------
        pandas.DataFrame
            One row per visit and sequence: ``date``; ``day`` and ``week`` from completion of
            radiosurgery; ``sequence``; ``mm``, the anteroposterior extent; where any visit has
            contours, ``cc``, the volume within them, and ``cc_error``, its standard error in cc;
            ``status`` (measured, gone, not_measurable, volume_drawn, unread, not_covered,
            in_doubt, no_mr or missing); ``phase``; and ``note`` on how the acquisition differs
            from the baseline.
        """
        rows = [
            (
                pd.Timestamp(cell.study_date),
                cell.days_from_ssrs,
                round(weeks_from_days(cell.days_from_ssrs), 1),
                cell.sequence.value,
                number(cell.reading.length_mm) if cell.reading else None,
                number(cell.measured_volume.volume_cc) if cell.measured_volume else None,
                cell.measured_volume.standard_error_cc if cell.measured_volume else None,
                cell.status.value,
                cell.phase.value,
                " ".join(cell.flags),
            )
            for cell in self._timeline.cells
        ]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        numbers = dict.fromkeys(("mm", "cc", "cc_error"), "float64")
        frame = frame.astype({"date": "datetime64[ns]", **numbers})
        has_volumes = any(cell.measured_volume is not None for cell in self._timeline.cells)
        return frame if has_volumes else frame.drop(columns=["cc", "cc_error"])

    def plot(self, mode: str = RETROSPECTIVE) -> Figure:
        """Draw the lengths over time, a panel for each sequence, by the project's criteria.

        Parameters
        ----------
        mode : {"retrospective", "prospective"}
            For the category in the title.

        Returns
        -------
        Figure

        Raises
        ------
        InputError
            There is no such mode.
        """
        lesion, timeline = self._timeline.lesion, self._timeline.timeline
        rules = choose_rules(mode, self._criteria)
        drawing = draw_timeline(
            timeline,
            rules.criteria,
            assessment=classify(timeline, rules) if timeline.observations else None,
            level=lesion.level,
            marks=find_timeline_marks(self._timeline.cells),
        )
        return Figure(drawing, f"timeline of {lesion.lesion_id}")

    def __repr__(self) -> str:
        return "\n".join([self.to_frame().to_string(index=False), *self.flags])

    def _repr_html_(self) -> str:
        table = self.to_frame().to_html(index=False, na_rep="", border=0)
        return table + "".join(f"<p>{escape(flag)}</p>" for flag in self.flags)


class Assessment:
    """The response of a lesion, and what is shown next to it."""

    def __init__(self, lesion: ProjectLesion) -> None:
        if not lesion.is_measured:
            raise InputError(" ".join(describe_lacks([lesion.timeline], lesion.rules.criteria)))
        self._assessment = lesion.assessment
        self._record = add_probability(build_project_lesion_json(lesion))

    @property
    def category(self) -> ResponseCategory:
        """OPP, PD, PR, SD, INDETERMINATE or NOT_ELIGIBLE."""
        return self._assessment.category

    @property
    def reason(self) -> Reason:
        """The rule that decided."""
        return self._assessment.reason

    @property
    def sentences(self) -> tuple[str, ...]:
        """The assessment in words."""
        return tuple(self._record["sentences"])

    def to_dict(self) -> Mapping[str, Any]:
        """Return all that ``opp-mri assess --json`` shows, and the probability of the category."""
        return dict(self._record)

    def __repr__(self) -> str:
        record = self._record
        sequence = record["deciding_sequence"] or "no sequence"
        fragile = ", fragile" if record["fragile"] else ""
        return (
            f"<Assessment {record['lesion_id']}: {record['category']} by {record['reason']} on "
            f"{sequence}, probability {record['probability']:.2f}{fragile}>"
        )

    def _repr_html_(self) -> str:
        values = {k: v for k, v in flatten_record(self._record).items() if k != "sentences"}
        table = pd.Series(values).to_frame(self._record["lesion_id"]).to_html(border=0, na_rep="")
        return table + "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)


class Lesion:
    """A lesion of a project.

    Parameters
    ----------
    project : Project
        An open project.
    lesion_id : str
        Name of the lesion in the project.
    """

    def __init__(self, project: Project, lesion_id: str) -> None:
        self._project = project
        self._record = find_lesion(project.store, lesion_id)

    @property
    def lesion_id(self) -> str:
        """Name of the lesion."""
        return self._record.lesion_id

    @property
    def level(self) -> str:
        """The vertebra, such as T12."""
        return self._record.level

    def __repr__(self) -> str:
        return f"<Lesion {self.lesion_id}, {self.level}>"

    @property
    def timeline(self) -> Timeline:
        """The timeline by the readings that count: the consensus, or those of the only reader."""
        return self.get_timeline_of(None)

    def get_timeline_of(self, reader: str | None) -> Timeline:
        """Return the timeline by one reader.

        Parameters
        ----------
        reader : str or None
            Name of the reader; None for the consensus, or the only reader.

        Returns
        -------
        Timeline

        Raises
        ------
        InputError
            Several readers measured the lesion and none is named, or the named one did not.
        ProjectError
            The readings are those of a reader who is still blinded.
        """
        store = self._project.store
        check_shown(store, [reader] if reader else ())
        (timeline,) = load_project_timelines(self._project, [self.lesion_id], reader=reader)
        check_shown(store, [timeline.reader])
        criteria = choose_rules(RETROSPECTIVE, None, self._project.settings.criteria).criteria
        return Timeline(timeline, criteria)

    def assess(
        self,
        mode: str = RETROSPECTIVE,
        *,
        criteria: str | Path | Criteria | None = None,
        reader: str | None = None,
    ) -> Assessment:
        """Assess the response of the lesion.

        Parameters
        ----------
        mode : {"retrospective", "prospective"}
            With hindsight, as the source paper did, or as known at the last study.
        criteria : str, Path or Criteria, optional
            Name of a shipped profile, or a TOML file. The default is that of the project.
        reader : str, optional
            Whose readings count. The default is the consensus, or the only reader.

        Returns
        -------
        Assessment

        Raises
        ------
        InputError
            The lesion has no measurement, or several readers measured it and none is named; there
            is no such mode or profile.
        ProjectError
            The readings are those of a reader who is still blinded.
        """
        rules = choose_rules(mode, criteria, self._project.settings.criteria)
        store = self._project.store
        check_shown(store, [reader] if reader else ())
        (lesion,) = assess_project(self._project, rules, [self.lesion_id], reader=reader)
        check_shown(store, [lesion.reader])
        return Assessment(lesion)
