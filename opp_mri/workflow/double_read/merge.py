"""Signed answers of a reader's package back into its project, each checked as if it were typed."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import attrs
from attrs import field, frozen

from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import (
    Answer,
    Caliper,
    PixelPoint,
    Reading,
    ShownProposal,
    Signature,
)
from opp_mri.domain.reader_study import IssuedPackage, MergedPackage, PackageCase, Resolution
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.chain import check_chain
from opp_mri.store.protocol import Store
from opp_mri.units import round_to_recorded_mm
from opp_mri.workflow.double_read.clocks import find_clock_cautions
from opp_mri.workflow.double_read.package_checks import (
    find_package_faults,
    find_signature_faults,
)
from opp_mri.workflow.double_read.package_images import (
    build_new_uids,
    find_trims,
    select_readable_volumes,
)
from opp_mri.workflow.double_read.package_plan import list_issued_packages
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.protocol import is_unblinded
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    find_unsigned_cells,
    get_counted_readings,
)
from opp_mri.workflow.project import RETURN_NAME, Project, open_project

Place = tuple[str, int]  # SOPInstanceUID in the package, frame
MOST_FAULTS: Final = 20
UNSEALED: Final = (
    "The package is not sealed by its reader, so that another person could have changed its "
    "answers. Nothing was taken: have its reader run `opp-mri reader-return` on it. To take the "
    "answers that are signed so far all the same, add --unsealed."
)
NOT_SEALED: Final = (
    "The package was not sealed by its reader: nothing shows that nobody else changed its answers."
)
OTHER_COPY: Final = (
    "The package is another copy of one whose answers were taken already, and the two were "
    "answered differently. Nothing was taken: ask the reader which copy is the right one, and "
    "whether somebody else had the package."
)


@frozen(kw_only=True)
class MergeSummary:
    """The result of a merge.

    Parameters
    ----------
    added, known
        Answers that are new, and those merged before.
    unsigned
        Answers that stay in the package until they are signed.
    unread
        Lesions of the package that have no answer that counts.
    late
        Answers that are not taken: their lesions are being resolved already, so that they would
        not be independent.
    cautions
        Clocks that were wrong, in sentences; the order of the log decides, not a clock.
    """

    reader: str
    added: int
    known: int
    unsigned: int
    unread: int
    late: int
    cautions: tuple[str, ...] = ()


@frozen(kw_only=True)
class _Returned:
    """What a package holds, under its own names."""

    readings: tuple[Reading, ...]
    signatures: tuple[Signature, ...]
    unsigned: int
    faults: tuple[str, ...]
    hashes: tuple[str, ...]  # of its records, in their order
    sealed: bool


@frozen(kw_only=True)
class _NativeFrame:
    sop_instance_uid: str
    plane: ImagePlane = field(repr=False)
    study_date: date
    role: SeriesRole | None
    trim: tuple[int, int]  # columns at the left and rows at the top that the package's copy lacks


def merge_package(
    project: Project, folder: Path, at: datetime, *, unsealed: bool = False
) -> MergeSummary:
    """Take over the answers of a package that count; it may come back several times.

    Those are the signed ones, and those that were handed over in a table. The seals are verified,
    and every answer is checked as if it were typed; its length is computed again on the project's
    own images. All is taken, or nothing. What comes later must continue what came before.

    Parameters
    ----------
    unsealed
        Take the package also where its reader has not sealed it: nothing shows then that nobody
        else changed its answers.

    Raises
    ------
    InputError
        It is not a package of this project, not sealed, another copy of one whose answers were
        taken already, or it was altered; each fault is named.
    ProjectError
        The blinding is lifted, or the package was made again since.
    """
    store = project.store
    with open_project(folder, in_file=True) as package:
        issued_package = _find_issued_package(store, package.store)
        faults = find_package_faults(folder, package.store, issued_package)
        returned_package = _read_returned(
            package.store, issued_package, is_sealed=(folder / RETURN_NAME).exists()
        )
    if issued_package.seal_key and not (faults or returned_package.sealed or unsealed):
        raise InputError(UNSEALED)
    with store.lock():
        if is_unblinded(store):
            raise ProjectError("The blinding is lifted: no independent read can be added any more.")
        _check_current(store, issued_package)
        translation = _Translation(store, issued_package)
        readings = [translation.translate_reading(reading) for reading in returned_package.readings]
        faults = [*faults, *returned_package.faults, *translation.faults]
        if faults:
            raise InputError(_find_refusal(faults))
        _refuse_other_copy(store, issued_package, returned_package)
        return _take(store, issued_package, readings, returned_package, translation, at)


def _take(
    store: Store, issued_package: IssuedPackage, readings: Sequence[Reading],
    returned_package: _Returned,
    translation: "_Translation", at: datetime,
) -> MergeSummary:  # fmt: skip
    known_ids = {reading.reading_id for reading in store.get_readings()}
    resolved_lesions = {resolution.lesion_id for resolution in store.log_of(Resolution)}
    new = [reading for reading in readings if reading.reading_id not in known_ids]
    added_readings = [reading for reading in new if reading.lesion_id not in resolved_lesions]
    reading_ids = known_ids | {reading.reading_id for reading in added_readings}
    present = {signature.signature_id for signature in store.get_signatures()}
    signatures = [
        translation.translate_signature(signature)
        for signature in returned_package.signatures
        if signature.signature_id not in present and set(signature.reading_ids) <= reading_ids
    ]
    if added_readings or signatures:
        merged_package = MergedPackage(
            package_id=issued_package.package_id,
            reader=issued_package.reader,
            reading_ids=tuple(reading.reading_id for reading in added_readings),
            head=returned_package.hashes[-1],
            sealed=returned_package.sealed,
            recorded_at=at,
        )
        store.add_to_log([merged_package], readings=added_readings, signatures=signatures)
    lesions = {lesion_id for case in issued_package.cases for _, lesion_id in case.lesions}
    return MergeSummary(
        reader=issued_package.reader,
        added=len(added_readings),
        known=len(readings) - len(new),
        unsigned=returned_package.unsigned,
        unread=len(lesions - {reading.lesion_id for reading in readings}),
        late=len(new) - len(added_readings),
        cautions=(
            *find_clock_cautions(issued_package, added_readings, at),
            *([] if returned_package.sealed else [NOT_SEALED]),
        ),
    )


def _refuse_other_copy(
    store: Store, issued_package: IssuedPackage, returned_package: _Returned
) -> None:
    """Refuse a copy that went another way than the one whose answers were taken."""
    for merged_package in store.log_of(MergedPackage):
        if merged_package.package_id != issued_package.package_id or not merged_package.head:
            continue
        ends_there = merged_package.head == returned_package.hashes[-1]
        if not ends_there and (
            merged_package.sealed or merged_package.head not in returned_package.hashes
        ):
            raise InputError(OTHER_COPY)


def _find_issued_package(store: Store, package: Store) -> IssuedPackage:
    blinding = read_blinding(package)
    if blinding is None:
        raise InputError("This folder is not a reader's package: name the folder that came back.")
    for issued_package in store.log_of(IssuedPackage):
        if issued_package.package_id == blinding.package_id:
            return issued_package
    raise InputError("This package was not made from this project: name the right project.")


def _check_current(store: Store, issued_package: IssuedPackage) -> None:
    if list_issued_packages(store, issued_package.reader)[issued_package.wave] != issued_package:
        raise ProjectError(
            "This package was replaced by a newer one, so its answers are not taken: merge the "
            "newer package."
        )


def _read_returned(package: Store, issued_package: IssuedPackage, *, is_sealed: bool) -> _Returned:
    """Read a package, and name what in it was not recorded in the way of opp_mri."""
    # an index or a view could show other answers than the table that is held against the seal
    faults = [*package.find_structure_faults()]
    records = list(package.read_chain())
    faults += [fault.message for fault in check_chain(records, package.get_head())]
    readings, signatures = package.get_readings(), package.get_signatures()
    faults += [damage.message for damage in package.list_damages()]
    signed_ids = find_signed_ids(package)
    blinding = read_blinding(package)
    may_propose = blinding is not None and blinding.proposals
    for reading in readings:
        if reading.proposed is not None and not may_propose:
            faults.append(f"{_name(reading)} names a proposal, which the protocol does not allow.")
        if reading.reader != issued_package.reader:
            faults.append(f"{_name(reading)} is by a reader other than the package's.")
        if reading.repeat:
            faults.append(f"{_name(reading)} is marked as a repeat.")
    faults += find_signature_faults(issued_package, readings, signatures)
    by_lesion = [package.get_readings(lesion.lesion_id) for lesion in package.get_lesions()]
    unsigned_count = sum(len(find_unsigned_cells(own, signed_ids)) for own in by_lesion)
    return _Returned(
        readings=tuple(get_counted_readings(package)), signatures=tuple(signatures),
        unsigned=unsigned_count, faults=tuple(faults),
        hashes=tuple(record.hash for record in records), sealed=is_sealed,
    )  # fmt: skip


class _Translation:
    """The way back from a package's names, dates and UIDs to those of the project.

    Answers that cannot have been given in the package are named in `faults`.
    """

    def __init__(self, store: Store, issued_package: IssuedPackage) -> None:
        self.faults: list[str] = []
        self._lesions: dict[str, tuple[PackageCase, str]] = {}
        self._frames: dict[Place, _NativeFrame] = {}
        for case in issued_package.cases:
            self._lesions |= {code: (case, lesion_id) for code, lesion_id in case.lesions}
            new_uid, trims = build_new_uids(issued_package, case), find_trims(case)
            for day, volume in select_readable_volumes(store, case.patient_id):
                for frame, plane in zip(volume.frames, volume.planes, strict=False):
                    place = (new_uid(frame.sop_instance_uid), frame.frame_number)
                    native = _NativeFrame(
                        sop_instance_uid=frame.sop_instance_uid, plane=plane, study_date=day,
                        role=volume.role,
                        trim=trims.get(volume.series_instance_uid, (0, 0)),
                    )  # fmt: skip
                    self._frames.setdefault(place, native)

    def translate_reading(self, reading: Reading) -> Reading:
        """Return a reading of the package as one of the project; name what is wrong with it."""
        name = _name(reading)
        if reading.lesion_id not in self._lesions:
            self.faults.append(
                f"{name} belongs to a lesion that was not issued with the package: add the lesion "
                "to the project itself, and have it read there."
            )
            return reading
        case, lesion_id = self._lesions[reading.lesion_id]
        days = dict(case.days)
        if reading.study_date not in days:
            self.faults.append(f"{name} belongs to none of the time points of its case.")
            return reading
        day = days[reading.study_date]
        caliper = reading.caliper
        if caliper is not None:
            caliper = self._translate_caliper(reading, caliper, day)
        elif reading.answer is Answer.MEASURED:
            self.faults.append(f"{name} has a length without points: measure it on the images.")
        return attrs.evolve(
            reading, lesion_id=lesion_id, study_date=day, caliper=caliper, repeat=case.repeat,
            proposed=self._translate_proposal(reading, day),
        )  # fmt: skip

    def _translate_proposal(self, reading: Reading, day: date) -> ShownProposal | None:
        """Return the proposal that was shown before an answer on the project's own image."""
        proposal = reading.proposed
        if proposal is None:
            return None
        native = self._frames.get((proposal.sop_instance_uid, proposal.frame_number))
        if native is None or native.study_date != day:
            self.faults.append(
                f"{_name(reading)} names a proposal on none of the images of its time point."
            )
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
        name = _name(reading)
        native = self._frames.get((caliper.sop_instance_uid, caliper.frame_number))
        if native is None or native.study_date != day:
            self.faults.append(f"{name} lies on none of the images of its time point.")
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


def _undo_trim(point: PixelPoint, native: _NativeFrame) -> PixelPoint:
    """Return a point of a package's trimmed image on the whole image of the project."""
    left, top = native.trim
    return (point[0] + left, point[1] + top)


def _name(reading: Reading) -> str:
    """Name an answer without its lesion: the code of a case identifies a patient."""
    return f"The answer to {reading.sequence.value} of {reading.study_date}"


def _find_refusal(faults: Sequence[str]) -> str:
    lines = [f"  {fault}" for fault in dict.fromkeys(faults)]
    if len(lines) > MOST_FAULTS:
        lines = [*lines[:MOST_FAULTS], f"  and {len(lines) - MOST_FAULTS} more"]
    first = "The package was altered or damaged. Nothing was taken; ask for the original:"
    return "\n".join([first, *lines])
