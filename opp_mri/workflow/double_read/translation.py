"""The way back from a package's names, dates and UIDs to those of its project, all checked."""

from datetime import date

import attrs
from attrs import field, frozen

from opp_mri.domain.contour import Contour, VolumeReading, find_contour_faults
from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import (
    Answer,
    Caliper,
    PixelPoint,
    Reading,
    ShownProposal,
    Signature,
)
from opp_mri.domain.reader_study import IssuedPackage, PackageCase
from opp_mri.store.protocol import Store
from opp_mri.units import round_to_recorded_mm
from opp_mri.workflow.double_read.package_images import (
    build_new_uids,
    find_trims,
    select_readable_volumes,
)
from opp_mri.workflow.measuring.contours import explain_implausible, explain_no_volume

Place = tuple[str, int]  # SOPInstanceUID in the package, frame


@frozen(kw_only=True)
class NativeFrame:
    """An image of the project, and what its copy in the package lacks."""

    sop_instance_uid: str
    plane: ImagePlane = field(repr=False)
    study_date: date
    role: SeriesRole | None
    volume: VolumeDescription = field(repr=False)
    trim: tuple[int, int]  # columns at the left and rows at the top that the package's copy lacks


class Translation:
    """The way back from a package's names, dates and UIDs to those of the project.

    Answers that cannot have been given in the package are named in `faults`.
    """

    def __init__(self, store: Store, issued_package: IssuedPackage) -> None:
        self.faults: list[str] = []
        self._lesions: dict[str, tuple[PackageCase, str]] = {}
        self._frames: dict[Place, NativeFrame] = {}
        for case in issued_package.cases:
            self._lesions |= {code: (case, lesion_id) for code, lesion_id in case.lesions}
            new_uid, trims = build_new_uids(issued_package, case), find_trims(case)
            for day, volume in select_readable_volumes(store, case.patient_id):
                for frame, plane in zip(volume.frames, volume.planes, strict=False):
                    place = (new_uid(frame.sop_instance_uid), frame.frame_number)
                    native = NativeFrame(
                        sop_instance_uid=frame.sop_instance_uid, plane=plane, study_date=day,
                        role=volume.role, volume=volume,
                        trim=trims.get(volume.series_instance_uid, (0, 0)),
                    )  # fmt: skip
                    self._frames.setdefault(place, native)

    def translate_reading(self, reading: Reading) -> Reading:
        """Return a reading of the package as one of the project; name what is wrong with it."""
        name, place = name_answer(reading), self._find_place(reading)
        if place is None:
            return reading
        case, lesion_id, day = place
        caliper = reading.caliper
        if caliper is not None:
            caliper = self._translate_caliper(reading, caliper, day)
        elif reading.answer is Answer.MEASURED:
            self.faults.append(f"{name} has a length without points: measure it on the images.")
        return attrs.evolve(
            reading, lesion_id=lesion_id, study_date=day, caliper=caliper, repeat=case.repeat,
            proposed=self._translate_proposal(reading, day),
        )  # fmt: skip

    def translate_contours(self, reading: VolumeReading) -> VolumeReading:
        """Return contours of the package as those of the project; name what is wrong with them."""
        place = self._find_place(reading)
        if place is None:
            return reading
        case, lesion_id, day = place
        contours, reference_contours = (
            tuple(self._translate_contour(reading, contour, day) for contour in own)
            for own in (reading.contours, reading.all_contours[len(reading.contours) :])
        )
        frames = [
            self._frames[key]
            for contour in reading.all_contours
            if (key := (contour.sop_instance_uid, contour.frame_number)) in self._frames
        ]
        refusals = [explain_no_volume(frame.volume, reading.sequence) for frame in frames[:1]]
        if len({frame.volume.volume_id for frame in frames}) > 1:
            refusals.append("Its contours lie on several series.")
        self.faults += [f"{name_answer(reading)}: {refusal}" for refusal in refusals if refusal]
        translated_reading = attrs.evolve(
            reading, lesion_id=lesion_id, study_date=day, contours=contours, repeat=case.repeat,
            reference=reading.reference
            and attrs.evolve(reading.reference, contours=reference_contours),
        )  # fmt: skip
        if frames and not self.faults:  # contours without another fault alone have a volume
            implausible = explain_implausible(translated_reading, frames[0].volume)
            self.faults += [f"{name_answer(reading)}: {implausible}"] if implausible else []
        return translated_reading

    def _find_place(self, reading: Reading | VolumeReading) -> tuple[PackageCase, str, date] | None:
        """Return case, lesion and day of an answer in the project; name why there is none."""
        name = name_answer(reading)
        if reading.lesion_id not in self._lesions:
            self.faults.append(
                f"{name} belongs to a lesion that was not issued with the package: add the lesion "
                "to the project itself, and have it read there."
            )
            return None
        case, lesion_id = self._lesions[reading.lesion_id]
        days = dict(case.days)
        if reading.study_date not in days:
            self.faults.append(f"{name} belongs to none of the time points of its case.")
            return None
        return case, lesion_id, days[reading.study_date]

    def _find_native(
        self, drawing: Contour | ShownProposal | Caliper, day: date, subject: str
    ) -> NativeFrame | None:
        """Return the project's image of what was drawn in the package; name why there is none."""
        native = self._frames.get((drawing.sop_instance_uid, drawing.frame_number))
        if native is None or native.study_date != day:
            self.faults.append(f"{subject} none of the images of its time point.")
            return None
        return native

    def _translate_contour(self, reading: VolumeReading, contour: Contour, day: date) -> Contour:
        name = name_answer(reading)
        native = self._find_native(contour, day, f"{name} has a contour on")
        if native is None:
            return contour
        points = tuple(_undo_trim(point, native) for point in contour.points)
        translated_reading = attrs.evolve(
            contour, sop_instance_uid=native.sop_instance_uid, points=points
        )  # fmt: skip
        self.faults += [
            f"{name}: {fault}" for fault in find_contour_faults(translated_reading, native.plane)
        ]
        return translated_reading

    def _translate_proposal(self, reading: Reading, day: date) -> ShownProposal | None:
        """Return the proposal that was shown before an answer on the project's own image."""
        proposal = reading.proposed
        if proposal is None:
            return None
        native = self._find_native(proposal, day, f"{name_answer(reading)} names a proposal on")
        if native is None:
            return None
        start, end = (_undo_trim(point, native) for point in (proposal.start, proposal.end))
        return attrs.evolve(
            proposal, sop_instance_uid=native.sop_instance_uid, start=start, end=end
        )

    def translate_signature(self, signature: Signature) -> Signature:
        """Return a signature of the package as one of the project, under the same content."""
        lesion_id = self._lesions[signature.lesion_id][1]
        return attrs.evolve(signature, lesion_id=lesion_id, content_hash="")

    def _translate_caliper(self, reading: Reading, caliper: Caliper, day: date) -> Caliper:
        name = name_answer(reading)
        native = self._find_native(caliper, day, f"{name} lies on")
        if native is None:
            return caliper
        if native.role is not reading.sequence:
            self.faults.append(
                f"{name} lies on an image of another sequence. (If its role was changed in the "
                "project since the package was made, change it back for the merge.)"
            )
        start, end = (_undo_trim(point, native) for point in (caliper.start, caliper.end))
        if not all(native.plane.contains(*point) for point in (start, end)):
            self.faults.append(f"{name} has a point outside its image.")
        elif round_to_recorded_mm(native.plane.measure_length_mm(start, end)) != reading.length_mm:
            self.faults.append(
                f"{name} has a length that differs from the distance between its points."
            )
        return Caliper(
            sop_instance_uid=native.sop_instance_uid,
            frame_number=caliper.frame_number,
            start=start,
            end=end,
            start_lps_mm=native.plane.lps_from_pixel(*start),
            end_lps_mm=native.plane.lps_from_pixel(*end),
            frame_of_reference_uid=native.plane.frame_of_reference_uid,
        )


def _undo_trim(point: PixelPoint, native: NativeFrame) -> PixelPoint:
    """Return a point of a package's trimmed image on the whole image of the project."""
    left, top = native.trim
    return (point[0] + left, point[1] + top)


def name_answer(reading: Reading | VolumeReading) -> str:
    """Name an answer without its lesion: the code of a case identifies a patient."""
    subject = "The volume on" if isinstance(reading, VolumeReading) else "The answer to"
    return f"{subject} {reading.sequence.value} of {reading.study_date}"
