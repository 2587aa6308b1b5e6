"""Time points in words: how they stand to the treatment, and what a blinded reader may know."""

from datetime import date
from typing import Final

from opp_mri.domain.reader_study import ShownDates
from opp_mri.units import count_days, weeks_from_days
from opp_mri.workflow.measuring.seeds import Phase, determine_phase
from opp_mri_napari.reading.basics.session import Session

PHASES: Final = {
    Phase.BEFORE: "before SSRS", Phase.DURING: "during SSRS", Phase.AFTER: "follow-up"
}  # fmt: skip


class PlaceWords:
    """Names the time points of the open patient."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_code(self, day: date) -> str:
        """Name a time point in short, such as `TP1`."""
        patient = self._session.patient
        return f"TP{patient.study_dates.index(day)}" if patient else "TP"

    def write_heading(self, day: date) -> str:
        """Name a time point, with where it stands to the treatment."""
        patient, lesion, blinding = (
            self._session.patient, self._session.lesion, self._session.blinding
        )  # fmt: skip
        if patient is not None and blinding is not None:
            if blinding.dates is ShownDates.HIDDEN:
                return self.find_code(day)
            return f"{self.find_code(day)} · day {count_days(patient.study_dates[0], day)}"
        if lesion is None:
            return f"{self.find_code(day)} · {day}"
        days = count_days(lesion.lesion.ssrs_last_date, day)
        return f"{self.find_code(day)} · {weeks_from_days(days):+.1f} weeks"

    def describe_time(self, day: date) -> str:
        """State when a time point was: its date, and its phase; "" in a blinded read."""
        lesion = self._session.lesion
        if self._session.blinding is not None or lesion is None:
            return ""
        return f"{day} {PHASES[determine_phase(lesion.lesion, day)]}"
