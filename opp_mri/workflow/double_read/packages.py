"""A reader's package: a small project of its own, with nothing in it that the reader may not know.

It is built from an allow-list: copies of images without identity, the lesions to measure, the order
of reading. No reading, no fit and no event of the project is copied, so nothing can show.
"""

import random
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import attrs
from attrs import frozen

from opp_mri.dicom.deidentify import ALLOWED, NewUid, uid_replacer, write_deidentified
from opp_mri.domain.imaging import Usability, VolumeDescription
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.reader_study import (
    Blinding,
    CaseOrder,
    IssuedPackage,
    MergedPackage,
    PackageCase,
    ReadingProtocol,
    ShownDates,
)
from opp_mri.errors import ConflictError, InputError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.index import describe_stale, index
from opp_mri.workflow.catalogue.patients import patient_map, patients, time_points
from opp_mri.workflow.double_read.seal import (
    ISSUE_NAME,
    RETURN_KEY_NAME,
    file_hashes,
    new_keys,
    write_seal,
)
from opp_mri.workflow.measuring.protocol import is_unblinded, needed_protocol, protocol_sentences
from opp_mri.workflow.measuring.readings import counted_readings
from opp_mri.workflow.project import Project, create_project, open_project

FIRST_DAY: Final = date(
    2000, 1, 1
)  # the first study of each case, so that only days between them show
NO_DATES_DAY: Final = date(1999, 1, 1)  # of radiosurgery where neither days nor order may show
IMAGES: Final = "images"
PARTIAL: Final = ".partial"
MARKER: Final = "being-made"

Progress = Callable[[str, int, int], None]


@frozen(kw_only=True)
class MadePackage:
    """A package that was made.

    Parameters
    ----------
    left_out
        Why images stayed behind, each sentence once.
    """

    issued: IssuedPackage
    folder: Path
    images: int
    left_out: tuple[str, ...]


def make_package(
    project: Project,
    reader: str,
    folder: Path,
    at: datetime,
    *,
    again: bool = False,
    progress: Progress = lambda _what, _done, _total: None,
    allowed: frozenset[str] = ALLOWED,
) -> MadePackage:
    """Make the next package of a reader: the first, or the one with the repeats.

    Parameters
    ----------
    folder
        New or empty.
    again
        Make a package that is out anew, because it was lost; answers in the lost one are not taken.
    allowed
        Header keywords that pass.

    Raises
    ------
    ProjectError
        There is no protocol, blinding is lifted, or this package is not due.
    InputError
        The reader is none of the protocol's, the folder is in use, or there is nothing to read.
    """
    store = project.store
    protocol = needed_protocol(store)
    if is_unblinded(store):
        raise ProjectError("The blinding is lifted: no package is made after that.")
    if reader not in protocol.readers:
        raise InputError(
            f"The protocol names no reader {reader}: it names {' and '.join(protocol.readers)}."
        )
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: name a new folder.")
    partial = folder.with_name(f"{folder.name}{PARTIAL}")
    interrupted = _complete_or_clear(store, reader, folder, partial)
    if interrupted:
        return interrupted
    secret = secrets.token_hex(32)
    wave = _due_wave(store, protocol, reader, at, again=again)
    keys, return_keys = new_keys(), new_keys()
    issued = IssuedPackage(
        package_id=str(uuid4()),
        reader=reader,
        wave=wave,
        secret=secret,
        seal_key=keys.private,
        return_key=return_keys.public,
        cases=tuple(
            _case(store, protocol, code, patient_id, repeat=repeat, secret=secret)
            for code, patient_id, repeat in planned_cases(store, protocol, reader, wave)
        ),
        recorded_at=at,
    )
    try:
        partial.mkdir(parents=True, mode=0o700)
        (partial / MARKER).write_text(issued.package_id, encoding="utf-8")
        images, left_out = _build(project, protocol, issued, partial, progress, allowed)
        (partial / RETURN_KEY_NAME).write_text(return_keys.private, encoding="utf-8")
        _seal(issued, partial)
        with store.lock():  # another package may have been made meanwhile
            _check_still_due(store, protocol, issued, at, again=again)
            store.add_to_log([issued])
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _move(partial, folder)
    return MadePackage(issued=issued, folder=folder, images=images, left_out=left_out)


def _complete_or_clear(
    store: Store, reader: str, folder: Path, partial: Path
) -> MadePackage | None:
    """Finish a package that was issued and not moved to its place, or remove one half made."""
    marker = partial / MARKER
    if not partial.exists():
        return None
    if not marker.is_file():
        raise InputError(f"{partial} is in the way and not of opp_mri: name another folder.")
    package_id = marker.read_text(encoding="utf-8")
    for issued in issued_packages(store, reader).values():
        if issued.package_id == package_id:
            images = len(file_hashes(partial / IMAGES))
            _move(partial, folder)
            return MadePackage(issued=issued, folder=folder, images=images, left_out=())
    shutil.rmtree(partial)
    return None


def _move(partial: Path, folder: Path) -> None:
    if folder.exists():
        folder.rmdir()  # it is empty
    partial.rename(folder)
    (folder / MARKER).unlink()


def _check_still_due(
    store: Store, protocol: ReadingProtocol, issued: IssuedPackage, at: datetime, *, again: bool
) -> None:
    if is_unblinded(store):
        raise ConflictError("The blinding was lifted meanwhile: this package was not issued.")
    if needed_protocol(store) != protocol:
        raise ConflictError("The protocol was changed meanwhile: make the package again.")
    wave = _due_wave(store, protocol, issued.reader, at, again=again)
    if wave != issued.wave:
        raise ConflictError("Another package was made meanwhile: this one was not issued.")


def _seal(issued: IssuedPackage, folder: Path) -> None:
    """Seal images, protocol, cases and their order; what is recorded later follows the head."""
    with open_project(folder) as package:
        head = package.store.head()
    manifest = {
        "package_id": issued.package_id,
        "reader": issued.reader,
        "records": head.sequence_number,
        "head": head.hash,
        "return_key": issued.return_key,
        "images": file_hashes(folder / IMAGES),
    }
    write_seal(folder / ISSUE_NAME, manifest, issued.seal_key)


def planned_cases(
    store: Store, protocol: ReadingProtocol, reader: str, wave: int
) -> list[tuple[str, str, bool]]:
    """Give code, patient and whether it is a repeat, of each case of a package in its order.

    Where cases are to come back, the first package holds half of the patients, and the second the
    others with the repeats among them: in neither can a reader tell which those are.
    """
    groups = patient_map(store)
    with_lesions = {groups.canonical(lesion.patient_id) for lesion in store.lesions()}
    everyone = [one.patient_id for one in patients(store) if one.patient_id in with_lesions]
    own = "" if protocol.order is CaseOrder.FREE else reader
    chance = random.Random(f"{protocol.seed}/{own}")  # noqa: S311 - an order, not a secret
    chance.shuffle(everyone)
    if not protocol.repeats_share:
        return [(f"CASE-{n:03d}", one, False) for n, one in enumerate(everyone, 1)]
    if wave == 1:
        first = everyone[: (len(everyone) + 1) // 2]
        return [(f"CASE-{n:03d}", one, False) for n, one in enumerate(first, 1)]
    # what was in the first package is looked up: lesions may have been added since
    first = [groups.canonical(one.patient_id) for one in issued_packages(store, reader)[1].cases]
    count = min(max(round(protocol.repeats_share * len(everyone)), 1), len(first))
    second = [(one, False) for one in everyone if one not in first]
    second += [(one, True) for one in chance.sample(first, count)]
    chance.shuffle(second)
    return [(f"CASE-{n:03d}", *one) for n, one in enumerate(second, len(first) + 1)]


def issued_packages(store: Store, reader: str) -> Mapping[int, IssuedPackage]:
    """Give a reader's packages by wave; one that was made again stands for the lost one."""
    return {one.wave: one for one in store.log_of(IssuedPackage) if one.reader == reader}


def _due_wave(
    store: Store, protocol: ReadingProtocol, reader: str, at: datetime, *, again: bool
) -> int:
    issued = issued_packages(store, reader)
    merged = {one.package_id: one for one in store.log_of(MergedPackage)}
    if not issued:
        return 1
    latest = max(issued)
    if again:
        if issued[latest].package_id in merged:
            raise ProjectError("This package came back already: it is not made again.")
        return latest
    if latest == 1 and protocol.repeats_share:
        back = merged.get(issued[1].package_id)
        if back is None or _unread(store, issued[1]):
            raise ProjectError(
                "The second package, with the repeats, is made once all of the first is read and "
                "merged; if the first was lost, make it anew with --again."
            )
        due = back.recorded_at + timedelta(days=protocol.washout_days)
        if at < due:
            raise ProjectError(
                f"The washout of {protocol.washout_days} days lasts until {due.date()}: make the "
                "second package then."
            )
        return 2
    raise ProjectError(
        f"The package was made on {issued[latest].recorded_at.date()}; if it was lost, make it "
        "anew with --again."
    )


def _unread(store: Store, package: IssuedPackage) -> bool:
    read = {one.lesion_id for one in counted_readings(store) if one.reader == package.reader}
    return any(real not in read for case in package.cases for _, real in case.lesions)


def _case(
    store: Store, protocol: ReadingProtocol, code: str, patient_id: str, *, repeat: bool,
    secret: str,
) -> PackageCase:  # fmt: skip
    group = patient_map(store).group(patient_id)
    lesions = [one.lesion_id for one in store.lesions() if one.patient_id in group]
    days = [one.study_date for one in time_points(store, patient_id) if one.study_date]
    if protocol.dates is ShownDates.OFFSETS:
        shown = [FIRST_DAY + (day - days[0]) for day in days]
    else:
        shown = [FIRST_DAY + timedelta(days=n) for n in range(len(days))]
        random.Random(f"{secret}/{code}").shuffle(shown)  # noqa: S311 - seeded by a secret
    return PackageCase(
        code=code,
        patient_id=patient_id,
        repeat=repeat,
        lesions=tuple((f"{code}-{n}", one) for n, one in enumerate(lesions, 1)),
        days=tuple(zip(shown, days, strict=True)),
    )


def _build(
    project: Project, protocol: ReadingProtocol, issued: IssuedPackage, folder: Path,
    progress: Progress, allowed: frozenset[str],
) -> tuple[int, tuple[str, ...]]:  # fmt: skip
    if not issued.cases:
        raise InputError("No patient has a lesion yet: add lesions first.")
    images, left_out = _copy_images(project.store, issued, folder / IMAGES, progress, allowed)
    create_project(folder)
    with open_project(folder) as package:
        package = attrs.evolve(
            package, settings=attrs.evolve(package.settings, allow_gradient_echo=True)
        )
        index(package, [(folder / IMAGES).resolve()], workers=1, progress=progress)
        _give_roles(project.store, package, issued)
        lesions = [
            lesion
            for case in issued.cases
            for lesion in _blind_lesions(project.store, protocol, issued, case)
        ]
        package.store.add_lesions(lesions, issued.recorded_at)
        package.store.add_to_log(
            [
                Blinding(
                    package_id=issued.package_id,
                    reader=issued.reader,
                    order=protocol.order,
                    dates=protocol.dates,
                    rules=tuple(protocol_sentences(protocol, unnamed=True)),
                    recorded_at=issued.recorded_at,
                )
            ]
        )
    return images, left_out


def readable_volumes(store: Store, patient_id: str) -> list[tuple[date, VolumeDescription]]:
    """Give the volumes that a reader may measure on, with the date of their time point."""
    return [
        (point.study_date, volume)
        for point in time_points(store, patient_id)
        for volume in point.volumes
        if point.study_date
        and volume.role
        and volume.usability is not Usability.NOTHING
        and not volume.duplicate_of
    ]


def _copy_images(
    store: Store, issued: IssuedPackage, folder: Path, progress: Progress, allowed: frozenset[str]
) -> tuple[int, tuple[str, ...]]:
    wanted: list[tuple[PackageCase, date, str]] = []
    for case in issued.cases:
        shown = {real: day for day, real in case.days}
        seen: dict[str, date] = {}
        for day, volume in readable_volumes(store, case.patient_id):
            for frame in volume.frames:
                seen.setdefault(frame.sop_instance_uid, shown[day])
        wanted += [(case, day, uid) for uid, day in seen.items()]
    sources = store.sources_of({uid for _, _, uid in wanted})
    written = 0
    left_out: dict[str, None] = {}
    for done, (case, day, uid) in enumerate(wanted):
        progress("copying images", done, len(wanted))
        try:
            write_deidentified(
                sources[uid],
                folder / f"{done + 1:06d}.dcm",
                new_uid=uids_of(issued, case),
                header={
                    "PatientID": case.code,
                    "PatientName": case.code,
                    "StudyDate": f"{day:%Y%m%d}",
                },
                allowed=allowed,
            )
            written += 1
        except InputError as error:
            left_out[str(error)] = None
    progress("copying images", len(wanted), len(wanted))
    return written, tuple(left_out)


def uids_of(issued: IssuedPackage, case: PackageCase) -> NewUid:
    """Give what replaces the UIDs of a case."""
    return uid_replacer(bytes.fromhex(issued.secret), case.code)


def _give_roles(store: Store, package: Project, issued: IssuedPackage) -> None:
    """Have the package's series the roles that they have in the project: texts are gone there."""
    for case in issued.cases:
        new_uid = uids_of(issued, case)
        for _, volume in readable_volumes(store, case.patient_id):
            first = volume.frames[0]
            copies = package.store.volumes_with_frame(
                new_uid(first.sop_instance_uid), first.frame_number
            )
            for copy in copies:
                if copy.role is not volume.role and copy.usability is not Usability.NOTHING:
                    package.store.add_role_override(copy.volume_id, volume.role, issued.recorded_at)
    package.store.mark_stale(case.code for case in issued.cases)
    describe_stale(package)


def _blind_lesions(
    store: Store, protocol: ReadingProtocol, issued: IssuedPackage, case: PackageCase
) -> Sequence[Lesion]:
    lesions = {one.lesion_id: one for one in store.lesions()}
    return [
        _blind_lesion(lesions[real], code, protocol, case, uids_of(issued, case))
        for code, real in case.lesions
    ]


def _blind_lesion(
    lesion: Lesion, lesion_id: str, protocol: ReadingProtocol, case: PackageCase, new_uid: NewUid
) -> Lesion:
    """Give what a reader may know of a lesion: its level, a point in it, and what is not hidden."""
    seed = lesion.seed
    if seed is not None:
        seed = attrs.evolve(seed, sop_instance_uid=new_uid(seed.sop_instance_uid))
    first = last = NO_DATES_DAY
    if protocol.dates is ShownDates.OFFSETS:
        ago = FIRST_DAY - case.days[0][1] if case.days else timedelta()
        first, last = lesion.ssrs_first_date + ago, lesion.ssrs_last_date + ago
        if protocol.hide_dose:  # the days between tell the number of fractions
            first = last
    blind = Lesion(
        lesion_id=lesion_id,
        tracking_uid=new_uid(lesion.tracking_uid),
        patient_id=case.code,
        level=lesion.level,
        seed=seed,
        ssrs_first_date=first,
        ssrs_last_date=last,
    )
    if not protocol.hide_dose:
        blind = attrs.evolve(blind, dose_gy=lesion.dose_gy, fractions=lesion.fractions)
    if not protocol.hide_outcome and protocol.dates is ShownDates.OFFSETS:
        ago = first - lesion.ssrs_first_date
        events = [attrs.evolve(one, date=one.date + ago) for one in lesion.events]
        blind = attrs.evolve(blind, events=tuple(events))
    return blind
