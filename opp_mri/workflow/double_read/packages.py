"""A reader's package: a small project of its own, with nothing in it that the reader may not know.

It is built from a list of what passes: disguised copies of images without identity, the lesions to
measure, the order of reading. No reading, no fit and no event of the project is copied. Whatever
has an order in the package (file names, rows, UIDs, codes) takes it from a secret that is drawn for
each package and stays with the project.
"""

import random
import secrets
import shutil
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import attrs
from attrs import frozen

from opp_mri.dicom.deidentify.allow_list import ALLOWED
from opp_mri.dicom.deidentify.engine import NewUid
from opp_mri.domain.imaging import Usability, VolumeDescription
from opp_mri.domain.measurement import Lesion, SeedPoint
from opp_mri.domain.reader_study import (
    Blinding,
    IssuedPackage,
    PackageCase,
    ReadingProtocol,
    ShownDates,
)
from opp_mri.errors import ConflictError, InputError, ProjectError
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.index import describe_stale, index
from opp_mri.workflow.double_read.package_images import (
    IMAGES,
    build_new_uids,
    copy_images,
    find_trims,
    select_readable_volumes,
)
from opp_mri.workflow.double_read.package_plan import (
    NO_DATES_DAY,
    find_due_wave,
    list_issued_packages,
    plan_case,
    plan_cases,
)
from opp_mri.workflow.double_read.seal import (
    ISSUE_NAME,
    RETURN_KEY_NAME,
    hash_files,
    make_keys,
    write_return_key,
    write_seal,
)
from opp_mri.workflow.measuring.protocol import describe_protocol, is_unblinded, require_protocol
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames, covers
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.project import Project, create_project, open_project

PARTIAL: Final = ".partial"
MARKER: Final = "being-made"


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
    passphrase: str = "",
    progress: Progress = ignore_progress,
    allowed_keywords: frozenset[str] = ALLOWED,
) -> MadePackage:
    """Make the next package of a reader: the first, or the one with the repeats.

    Parameters
    ----------
    folder
        New or empty.
    again
        Make a package that was lost once more; answers in the lost one are not taken.
    passphrase
        Protects the key with which the reader seals the package; "" leaves the key as it is.
    allowed_keywords
        Header keywords that pass.

    Raises
    ------
    ProjectError
        There is no protocol, blinding is lifted, or this package is not due.
    InputError
        The reader is none of the protocol's, the folder is in use, or there is nothing to read.
    """
    store = project.store
    protocol = _find_protocol(store, reader)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: name a new folder.")
    partial = folder.with_name(f"{folder.name}{PARTIAL}")
    earlier_package = _finish_or_remove(store, reader, folder, partial)
    if earlier_package:
        return earlier_package
    secret = secrets.token_hex(32)
    wave = find_due_wave(store, protocol, reader, at, again=again)
    cases = plan_cases(store, protocol, reader, wave, secret)
    keys, return_keys = make_keys(), make_keys()
    package = IssuedPackage(
        package_id=str(uuid4()),
        reader=reader,
        wave=wave,
        secret=secret,
        seal_key=keys.private,
        return_key=return_keys.public,
        cases=tuple(
            plan_case(store, protocol, code, patient_id, repeat=repeat, secret=secret)
            for code, patient_id, repeat in cases
        ),
        recorded_at=at,
    )
    try:
        partial.mkdir(parents=True, mode=0o700)
        (partial / MARKER).write_text(package.package_id, encoding="utf-8")
        images, left_out = _build(project, protocol, package, partial, progress, allowed_keywords)
        write_return_key(partial / RETURN_KEY_NAME, return_keys.private, passphrase)
        _seal(package, partial)
        with store.lock():  # another package may have been made meanwhile
            _check_still_due(store, protocol, package, at, again=again)
            store.add_to_log([package])
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _move(partial, folder)
    return MadePackage(issued=package, folder=folder, images=images, left_out=left_out)


def _find_protocol(store: Store, reader: str) -> ReadingProtocol:
    """Return the protocol by which a reader gets a package now."""
    protocol = require_protocol(store)
    if is_unblinded(store):
        raise ProjectError("The blinding is lifted: no package can be made any more.")
    if reader not in protocol.readers:
        raise InputError(
            f"The protocol names no reader {reader}: it names {' and '.join(protocol.readers)}."
        )
    return protocol


def _finish_or_remove(store: Store, reader: str, folder: Path, partial: Path) -> MadePackage | None:
    """Finish a package that was issued and not moved to its place, or remove one half made."""
    marker = partial / MARKER
    if not partial.exists():
        return None
    if not marker.is_file():
        raise InputError(f"{partial} exists and does not belong to opp_mri: name another folder.")
    package_id = marker.read_text(encoding="utf-8")
    for issued_package in list_issued_packages(store, reader).values():
        if issued_package.package_id == package_id:
            images = len(hash_files(partial / IMAGES))
            _move(partial, folder)
            return MadePackage(issued=issued_package, folder=folder, images=images, left_out=())
    shutil.rmtree(partial)
    return None


def _move(partial: Path, folder: Path) -> None:
    if folder.exists():
        folder.rmdir()  # it is empty
    partial.rename(folder)
    (folder / MARKER).unlink()


def _check_still_due(
    store: Store,
    protocol: ReadingProtocol,
    issued_package: IssuedPackage,
    at: datetime,
    *,
    again: bool,
) -> None:
    if is_unblinded(store):
        raise ConflictError("The blinding was lifted meanwhile: this package was not issued.")
    if require_protocol(store) != protocol:
        raise ConflictError("The protocol was changed meanwhile: make the package again.")
    wave = find_due_wave(store, protocol, issued_package.reader, at, again=again)
    if wave != issued_package.wave:
        raise ConflictError("Another package was made meanwhile: this one was not issued.")


def _seal(issued_package: IssuedPackage, folder: Path) -> None:
    """Seal images, protocol, cases and their order; what is recorded later follows the head."""
    with open_project(folder) as package:
        head = package.store.get_head()
    manifest = {
        "package_id": issued_package.package_id,
        "reader": issued_package.reader,
        "records": head.sequence_number,
        "head": head.hash,
        "return_key": issued_package.return_key,
        "images": hash_files(folder / IMAGES),
    }
    write_seal(folder / ISSUE_NAME, manifest, issued_package.seal_key)


def _build(
    project: Project, protocol: ReadingProtocol, issued_package: IssuedPackage, folder: Path,
    progress: Progress, allowed_keywords: frozenset[str],
) -> tuple[int, tuple[str, ...]]:  # fmt: skip
    if not issued_package.cases:
        raise InputError("No patient has a lesion yet: add lesions first.")
    images, left_out = copy_images(
        project.store, issued_package, folder / IMAGES, progress, allowed_keywords
    )
    create_project(folder)
    with open_project(folder) as package:
        package = attrs.evolve(
            package, settings=attrs.evolve(package.settings, allow_gradient_echo=True)
        )
        index(package, [(folder / IMAGES).resolve()], workers=1, progress=progress)
        _give_roles(project.store, package, issued_package)
        lesions = [
            lesion
            for case in issued_package.cases
            for lesion in _blind_lesions(project.store, protocol, issued_package, case)
        ]
        package.store.add_lesions(lesions, issued_package.recorded_at)
        package.store.add_to_log(
            [
                Blinding(
                    package_id=issued_package.package_id,
                    reader=issued_package.reader,
                    order=protocol.order,
                    dates=protocol.dates,
                    rules=tuple(describe_protocol(protocol, is_unnamed=True)),
                    proposals=protocol.proposals,
                    recorded_at=issued_package.recorded_at,
                )
            ]
        )
    return images, left_out


def _give_roles(store: Store, package: Project, issued_package: IssuedPackage) -> None:
    """Return the package's series the roles that they have in the project: texts are gone there."""
    for case in issued_package.cases:
        new_uid = build_new_uids(issued_package, case)
        volumes = [volume for _, volume in select_readable_volumes(store, case.patient_id)]
        # in an order of the new UIDs: rows must not follow the visits
        for volume in sorted(volumes, key=lambda v: new_uid(v.frames[0].sop_instance_uid)):
            first = volume.frames[0]
            copies = package.store.get_volumes_with_frame(
                new_uid(first.sop_instance_uid), first.frame_number
            )
            for copy in copies:
                if copy.role is not volume.role and copy.usability is not Usability.NOTHING:
                    package.store.add_role_override(
                        copy.volume_id, volume.role, issued_package.recorded_at
                    )
    package.store.mark_stale(case.code for case in issued_package.cases)
    describe_stale(package)


def _blind_lesions(
    store: Store, protocol: ReadingProtocol, issued_package: IssuedPackage, case: PackageCase
) -> Sequence[Lesion]:
    lesions = {lesion.lesion_id: lesion for lesion in store.get_lesions()}
    volumes = select_readable_volumes(store, case.patient_id)
    return [
        attrs.evolve(
            _blind_lesion(
                lesions[real], code, protocol, case, build_new_uids(issued_package, case)
            ),
            seed=_blind_seed(store, lesions[real], protocol, issued_package, case, volumes),
        )
        for code, real in case.lesions
    ]


def _blind_lesion(
    lesion: Lesion, lesion_id: str, protocol: ReadingProtocol, case: PackageCase, new_uid: NewUid
) -> Lesion:
    """Return what a reader may know of a lesion: its level, and what is not hidden."""
    shown_days = {real: day for day, real in (*case.days, *case.dates)}
    first = last = NO_DATES_DAY
    if protocol.dates is ShownDates.OFFSETS:
        first, last = shown_days[lesion.ssrs_first_date], shown_days[lesion.ssrs_last_date]
        if protocol.hide_dose:  # the days between tell the number of fractions
            first = last
    blind = Lesion(
        lesion_id=lesion_id,
        tracking_uid=new_uid(lesion.tracking_uid),
        patient_id=case.code,
        level=lesion.level,
        ssrs_first_date=first,
        ssrs_last_date=last,
    )
    if not protocol.hide_dose:
        blind = attrs.evolve(blind, dose_gy=lesion.dose_gy, fractions=lesion.fractions)
    if not protocol.hide_outcome and protocol.dates is ShownDates.OFFSETS:
        events = [attrs.evolve(event, date=shown_days[event.date]) for event in lesion.events]
        blind = attrs.evolve(blind, events=tuple(events))
    return blind


def _blind_seed(
    store: Store, lesion: Lesion, protocol: ReadingProtocol, issued_package: IssuedPackage,
    case: PackageCase, volumes: Sequence[tuple[date, VolumeDescription]],
) -> SeedPoint | None:  # fmt: skip
    """Return a point in the lesion on an image of the package.

    Where dates are hidden, the visit that carries it must not show which is the baseline: it is
    drawn from all visits where confirmed fits carry the point to each of them, and else left out.
    """
    points = {
        day: (volume, seed)
        for day, volume in reversed(volumes)
        if (seed := _find_seed(store, lesion, volume)) is not None
    }
    if not points:
        return None
    if protocol.dates is ShownDates.HIDDEN:
        if set(points) != {day for day, _ in volumes}:
            return None
        chance = random.Random(f"{issued_package.secret}/{case.code}/{lesion.lesion_id}")  # noqa: S311
        volume, seed = points[chance.choice(sorted(points))]
    else:
        volume, seed = points[min(points)]
    left, top = find_trims(case).get(volume.series_instance_uid, (0, 0))
    return attrs.evolve(
        seed,
        sop_instance_uid=build_new_uids(issued_package, case)(seed.sop_instance_uid),
        column=seed.column - left,
        row=seed.row - top,
    )


def _find_seed(store: Store, lesion: Lesion, volume: VolumeDescription) -> SeedPoint | None:
    """Return a lesion's point on the nearest image of a volume that covers it."""
    seeds = carry_seed_to_frames(store, lesion)
    if not covers(volume, seeds):
        return None
    point = seeds[volume.planes[0].frame_of_reference_uid]
    frame, plane = min(
        zip(volume.frames, volume.planes, strict=True),
        key=lambda pair: abs(pair[1].measure_distance_mm(point)),
    )
    column, row = plane.pixel_from_lps(point)
    return SeedPoint(
        sop_instance_uid=frame.sop_instance_uid, frame_number=frame.frame_number,
        column=column, row=row,
    )  # fmt: skip
