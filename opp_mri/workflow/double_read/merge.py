"""Signed answers of a reader's package back into its project, each checked against the images."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import attrs
from attrs import frozen

from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.measurement import Caliper, LengthSource, Reading, Signature
from opp_mri.domain.reader_study import IssuedPackage, MergedPackage, PackageCase, Resolution
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.units import recorded_mm
from opp_mri.workflow.double_read.packages import issued_packages, readable_volumes, uids_of
from opp_mri.workflow.measuring.blinding import blinding_of
from opp_mri.workflow.measuring.protocol import is_unblinded
from opp_mri.workflow.measuring.readings import counted_readings, signed_ids, unsigned_cells
from opp_mri.workflow.project import Project, open_project

Place = tuple[str, int]  # SOPInstanceUID in the package, frame


@frozen(kw_only=True)
class MergeSummary:
    """What came back.

    Parameters
    ----------
    added, known
        Answers that are new, and those that came back before.
    unsigned
        Answers that stay in the package until they are signed.
    unread
        Lesions of the package that have no answer that counts.
    late
        Answers that are not taken: their lesions are being resolved already, so that they would
        not be independent.
    """

    reader: str
    added: int
    known: int
    unsigned: int
    unread: int
    late: int


def merge_package(project: Project, folder: Path, at: datetime) -> MergeSummary:
    """Take over the answers of a package that count; it may come back several times.

    Those are the signed ones, and those that were handed over in a table. Every length is computed
    again on the project's own images.

    Raises
    ------
    InputError
        It is no package of this project, or an answer contradicts the images; nothing was taken.
    ProjectError
        The blinding is lifted, or the package was made anew since.
    """
    store = project.store
    if is_unblinded(store):
        raise ProjectError("The blinding is lifted: no independent read is added after that.")
    with open_project(folder) as package:
        issued = _issued(store, package.store)
        back = _Way(store, issued)
        known = {one.reading_id for one in store.readings()}
        signatures = package.store.signatures()
        signed = signed_ids(package.store)
        readings = [
            back.reading(one)
            for one in counted_readings(package.store)
            if one.reader == issued.reader
        ]
        unsigned = sum(
            len(unsigned_cells(package.store.readings(one.lesion_id), signed))
            for one in package.store.lesions()
        )
        if damages := package.store.damages():
            raise InputError(
                f"The package was altered or damaged. {damages[0].message} Nothing was taken."
            )
    lesions = {real for case in issued.cases for _, real in case.lesions}
    resolved = {one.lesion_id for one in store.log_of(Resolution)}
    new = [one for one in readings if one.reading_id not in known]
    added = [one for one in new if one.lesion_id not in resolved]
    taken = known | {one.reading_id for one in added}
    there = {one.signature_id for one in store.signatures()}
    signed_now = [
        back.signature(one)
        for one in signatures
        if one.signature_id not in there and set(one.reading_ids) <= taken
    ]
    if added or signed_now:
        merged = MergedPackage(
            package_id=issued.package_id,
            reader=issued.reader,
            reading_ids=tuple(one.reading_id for one in added),
            recorded_at=at,
        )
        store.add_to_log([merged], readings=added, signatures=signed_now)
    return MergeSummary(
        reader=issued.reader,
        added=len(added),
        known=len(readings) - len(new),
        unsigned=unsigned,
        unread=len(lesions - {one.lesion_id for one in readings}),
        late=len(new) - len(added),
    )


def _issued(store: Store, package: Store) -> IssuedPackage:
    blinding = blinding_of(package)
    if blinding is None:
        raise InputError("This folder is no reader's package: name the folder that came back.")
    for one in store.log_of(IssuedPackage):
        if one.package_id == blinding.package_id:
            if issued_packages(store, one.reader)[one.wave] != one:
                raise ProjectError(
                    "This package was made anew since, so the answers in it are not taken: merge "
                    "the newer one."
                )
            return one
    raise InputError("This package was not made from this project: name the right project.")


class _Way:
    """The way back from a package's names, dates and UIDs to those of the project."""

    def __init__(self, store: Store, issued: IssuedPackage) -> None:
        self._lesions: dict[str, tuple[PackageCase, str]] = {}
        self._places: dict[Place, tuple[str, ImagePlane, date]] = {}
        self._issued = issued
        for case in issued.cases:
            self._lesions |= {code: (case, real) for code, real in case.lesions}
            new_uid = uids_of(issued, case)
            for day, volume in readable_volumes(store, case.patient_id):
                for frame, plane in zip(volume.frames, volume.planes, strict=False):
                    place = (new_uid(frame.sop_instance_uid), frame.frame_number)
                    self._places.setdefault(place, (frame.sop_instance_uid, plane, day))

    def reading(self, reading: Reading) -> Reading:
        """Give a reading of the package as one of the project."""
        case, lesion_id = self._case(reading.lesion_id)
        days: Mapping[date, date] = dict(case.days)
        if reading.study_date not in days:
            raise _altered()
        caliper = reading.caliper
        if (caliper is None) is (reading.length_source is LengthSource.GEOMETRY):
            raise _altered()
        if caliper is not None:
            caliper = self._caliper(reading, caliper, days[reading.study_date])
        return attrs.evolve(
            reading,
            lesion_id=lesion_id,
            study_date=days[reading.study_date],
            caliper=caliper,
            repeat=case.repeat,
        )

    def signature(self, signature: Signature) -> Signature:
        """Give a signature of the package as one of the project."""
        lesion_id = self._case(signature.lesion_id)[1]
        return attrs.evolve(signature, lesion_id=lesion_id, content_hash="")

    def _case(self, lesion_id: str) -> tuple[PackageCase, str]:
        if lesion_id not in self._lesions:
            raise InputError(
                f"The package has a lesion {lesion_id} that it was not made with: add the lesion "
                "to the project itself, and have it read there."
            )
        return self._lesions[lesion_id]

    def _caliper(self, reading: Reading, caliper: Caliper, day: date) -> Caliper:
        found = self._places.get((caliper.sop_instance_uid, caliper.frame_number))
        if found is None or found[2] != day:
            raise _altered()
        sop_instance_uid, plane, _ = found
        if recorded_mm(plane.length_mm(caliper.start, caliper.end)) != reading.length_mm:
            raise InputError(
                "A length in the package is not what its points give on the images of the "
                "project: the package was altered. Nothing was taken."
            )
        return Caliper(
            sop_instance_uid=sop_instance_uid,
            frame_number=caliper.frame_number,
            start=caliper.start,
            end=caliper.end,
            start_lps_mm=plane.lps_from_pixel(*caliper.start),
            end_lps_mm=plane.lps_from_pixel(*caliper.end),
            frame_of_reference_uid=plane.frame_of_reference_uid,
        )


def _altered() -> InputError:
    return InputError(
        "An answer in the package belongs to none of its images: the package was altered. Nothing "
        "was taken."
    )
