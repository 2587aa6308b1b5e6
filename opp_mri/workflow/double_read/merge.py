"""Signed answers of a reader's package back into its project, each checked as if it were typed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import (
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import IssuedPackage, MergedPackage, Resolution
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.chain import check_chain
from opp_mri.store.protocol import Store
from opp_mri.workflow.double_read.clocks import find_clock_cautions
from opp_mri.workflow.double_read.package_checks import (
    find_foreign_contours,
    find_package_faults,
    find_signature_faults,
)
from opp_mri.workflow.double_read.package_plan import list_issued_packages
from opp_mri.workflow.double_read.translation import Translation, name_answer
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.contours import find_unsigned_contours
from opp_mri.workflow.measuring.protocol import is_unblinded
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    find_unsigned_cells,
    get_counted_readings,
    select_counted,
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
    contours: tuple[VolumeReading, ...]
    signatures: tuple[Signature, ...]
    unsigned: int
    faults: tuple[str, ...]
    hashes: tuple[str, ...]  # of its records, in their order
    sealed: bool


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
        translation = Translation(store, issued_package)
        readings: list[Reading | VolumeReading] = [
            translation.translate_reading(reading) for reading in returned_package.readings
        ]
        readings += [
            translation.translate_contours(reading) for reading in returned_package.contours
        ]
        faults = [*faults, *returned_package.faults, *translation.faults]
        if faults:
            raise InputError(_find_refusal(faults))
        _refuse_other_copy(store, issued_package, returned_package)
        return _take(store, issued_package, readings, returned_package, translation, at)


def _take(
    store: Store, issued_package: IssuedPackage, readings: Sequence[Reading | VolumeReading],
    returned_package: _Returned, translation: Translation, at: datetime,
) -> MergeSummary:  # fmt: skip
    known_ids = {reading.reading_id for reading in store.get_readings()}
    known_ids |= {reading.reading_id for reading in store.log_of(VolumeReading)}
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
    # each kind is in the order of its recording
    lengths = [reading for reading in added_readings if isinstance(reading, Reading)]
    contour_readings = [reading for reading in added_readings if isinstance(reading, VolumeReading)]
    clocks = dict.fromkeys(
        (
            *find_clock_cautions(issued_package, lengths, at),
            *find_clock_cautions(issued_package, contour_readings, at),
        )
    )
    lesions = {lesion_id for case in issued_package.cases for _, lesion_id in case.lesions}
    return MergeSummary(
        reader=issued_package.reader,
        added=len(added_readings),
        known=len(readings) - len(new),
        unsigned=returned_package.unsigned,
        unread=len(lesions - {reading.lesion_id for reading in readings}),
        late=len(new) - len(added_readings),
        cautions=(
            *clocks,
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
    contour_readings = package.log_of(VolumeReading)  # reading them names those that are damaged
    faults += [damage.message for damage in package.list_damages()]
    signed_ids = find_signed_ids(package)
    blinding = read_blinding(package)
    may_propose = blinding is not None and blinding.proposals
    for reading in readings:
        if reading.proposed is not None and not may_propose:
            faults.append(
                f"{name_answer(reading)} names a proposal, which the protocol does not allow."
            )
        if reading.reader != issued_package.reader:
            faults.append(f"{name_answer(reading)} is by a reader other than the package's.")
        if reading.repeat:
            faults.append(f"{name_answer(reading)} is marked as a repeat.")
    faults += find_foreign_contours(issued_package, contour_readings)
    faults += find_signature_faults(issued_package, [*readings, *contour_readings], signatures)
    unsigned_count = 0
    for lesion in package.get_lesions():
        own = package.get_readings(lesion.lesion_id)
        own_drawn = [
            contour_reading
            for contour_reading in contour_readings
            if contour_reading.lesion_id == lesion.lesion_id
        ]
        unsigned_count += len(find_unsigned_cells(own, signed_ids))
        unsigned_count += len(find_unsigned_contours(own_drawn, signed_ids))
    return _Returned(
        readings=tuple(get_counted_readings(package)),
        contours=tuple(select_counted(contour_readings, signed_ids)), signatures=tuple(signatures),
        unsigned=unsigned_count, faults=tuple(faults),
        hashes=tuple(record.hash for record in records), sealed=is_sealed,
    )  # fmt: skip


def _find_refusal(faults: Sequence[str]) -> str:
    lines = [f"  {fault}" for fault in dict.fromkeys(faults)]
    if len(lines) > MOST_FAULTS:
        lines = [*lines[:MOST_FAULTS], f"  and {len(lines) - MOST_FAULTS} more"]
    first = "The package was altered or damaged. Nothing was taken; ask for the original:"
    return "\n".join([first, *lines])
