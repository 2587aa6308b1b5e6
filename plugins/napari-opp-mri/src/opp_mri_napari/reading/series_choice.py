"""Which series a pane shows: the study's choice for a sequence, or another one next to it."""

from datetime import date

from opp_mri.domain.imaging import Plane, SeriesRole, VolumeDescription
from opp_mri.workflow.measuring.timeline import CellStatus
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.reading.session import Session


class SeriesChoice:
    """Chooses among the series of the open patient."""

    def __init__(self, session: Session, calipers: Calipers) -> None:
        self._session, self._calipers = session, calipers

    def sequences(self) -> list[SeriesRole]:
        """Give the sequences that the patient has."""
        patient = self._session.patient
        roles = {role for _, role in patient.volumes} if patient else set()
        return [role for role in SeriesRole if role in roles]

    def volume(self, pane: Pane) -> tuple[VolumeDescription | None, str]:
        """Give the series of a pane, or why there is none."""
        if pane.aside:
            volumes = self._other_series(pane.study_date)
            return next(iter(volumes), None), "This study has no other series."
        patient, cell = self._session.patient, self._calipers.cell_of(pane)
        name = pane.sequence.value
        if cell is not None:
            if cell.volume is not None:
                return cell.volume, ""
            if cell.status is CellStatus.NOT_COVERED:
                return None, f"No {name} of this study reaches the lesion."
            if cell.status is CellStatus.IN_DOUBT:
                return None, (
                    f"A series of this study may be {name}, and is in doubt: "
                    "`opp-mri series` lists it, `opp-mri role` settles it."
                )
            if cell.status is CellStatus.NO_MR:
                return None, "This study holds no MR."
        volume = None
        if patient is not None and cell is None:
            volume = patient.volumes.get((pane.study_date, pane.sequence))
        return volume, "" if volume else self._missing(pane)

    def _missing(self, pane: Pane) -> str:
        """Say that a study has nothing of a sequence, and what may be it."""
        patient, name = self._session.patient, pane.sequence.value
        series = patient.series.get(pane.study_date, ()) if patient is not None else ()
        doubtful = [
            volume for volume in series if volume.is_in_doubt and volume.role is pane.sequence
        ]
        if not doubtful:
            return f"This study has no {name}."
        one = doubtful[0]
        return " ".join([
            f"This study has no certain {name}. In doubt: series {one.instance.series_number}.",
            *one.evidence[-1:],
            f"Right shows it; `opp-mri role {one.volume_id} {name}` settles it.",
        ])  # fmt: skip

    def _other_series(self, day: date) -> list[VolumeDescription]:
        """Give the other series of a time point: axial ones first, then without a role."""
        patient = self._session.patient
        series = patient.series.get(day, ()) if patient is not None else ()
        volumes = [
            volume for volume in series if volume.plane is not Plane.SAGITTAL or volume.role is None
        ]
        volumes += [volume for volume in series if volume not in volumes]
        return sorted(volumes, key=lambda one: one.plane is not Plane.AXIAL)
