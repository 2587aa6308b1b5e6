"""Which series a pane shows: the study's choice for a sequence, or another one next to it."""

from datetime import date

from opp_mri.domain.imaging import Plane, SeriesRole, VolumeDescription
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.reading_room.room import find_nearest_place
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.panes import Pane


class SeriesChoice:
    """Chooses among the series of the open patient."""

    def __init__(self, session: Session, calipers: Calipers) -> None:
        self._session, self._calipers = session, calipers

    def list_sequences(self) -> list[SeriesRole]:
        """Return the sequences that the patient has, or may have where a series is in doubt."""
        patient = self._session.patient
        if patient is None:
            return []
        volumes = [volume for series in patient.series.values() for volume in series]
        roles: set[SeriesRole | None] = {role for _, role in patient.volumes}
        roles |= {volume.role for volume in volumes if volume.is_in_doubt}
        return [role for role in SeriesRole if role in roles]

    def _measure_distance_mm(self, volume: VolumeDescription) -> float:
        """Return how far a volume's nearest image is from the lesion; 0 where that is not known."""
        lesion = self._session.lesion
        level = lesion.find_level(volume.planes[0].frame_of_reference_uid) if lesion else None
        if level is None:
            return 0.0
        return abs(
            volume.planes[find_nearest_place(volume, level[1])].measure_distance_mm(level[1])
        )

    def choose_volume(self, pane: Pane) -> tuple[VolumeDescription | None, str]:
        """Return the series of a pane, or why there is none."""
        if pane.aside:
            volumes = self._list_other_series(pane.study_date)
            return next(iter(volumes), None), "This study has no other series."
        patient, cell = self._session.patient, self._calipers.find_cell_of(pane)
        name = pane.sequence.value
        if cell is not None:
            if cell.volume is not None:
                return cell.volume, ""
            if cell.status is CellStatus.IN_DOUBT and (doubtful := self._list_doubtful(pane)):
                return doubtful[0], ""
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
        return volume, "" if volume else self._describe_missing(pane)

    def _describe_missing(self, pane: Pane) -> str:
        """State that a study has nothing of a sequence, and what may be it."""
        name, doubtful = pane.sequence.value, self._list_doubtful(pane)
        if not doubtful:
            return f"This study has no {name}."
        first = doubtful[0]
        return " ".join([
            f"This study has no certain {name}. In doubt: series {first.instance.series_number}.",
            *first.evidence[-1:],
            f"Right shows it, U chooses it; so does `opp-mri role {first.volume_id} {name}`.",
        ])  # fmt: skip

    @staticmethod
    def list_doubts(volume: VolumeDescription | None) -> tuple[str, ...]:
        """Return the evidence of a series in doubt, first what speaks against choosing it."""
        if volume is None or not volume.is_in_doubt:
            return ()
        against = ("In doubt", "Not chosen")
        return tuple(sorted(volume.evidence, key=lambda line: not line.startswith(against)))

    def _list_doubtful(self, pane: Pane) -> list[VolumeDescription]:
        """Return the series of a pane's time point that may be its sequence."""
        patient = self._session.patient
        series = patient.series.get(pane.study_date, ()) if patient is not None else ()
        return [volume for volume in series if volume.is_in_doubt and volume.role is pane.sequence]

    def _list_other_series(self, day: date) -> list[VolumeDescription]:
        """Return the other series of a time point: axial ones first, the nearest to the lesion."""
        patient = self._session.patient
        series = patient.series.get(day, ()) if patient is not None else ()
        volumes = [
            volume for volume in series if volume.plane is not Plane.SAGITTAL or volume.role is None
        ]
        volumes += [volume for volume in series if volume not in volumes]
        return sorted(
            volumes,
            key=lambda volume: (volume.plane is not Plane.AXIAL, self._measure_distance_mm(volume)),
        )
