"""Images of a package: disguised copies without identity, in an order of their own."""

import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.dicom.deidentify.allow_list import write_deidentified
from opp_mri.dicom.deidentify.disguise import Disguise, derive_disguise
from opp_mri.dicom.deidentify.engine import NewUid, build_uid_replacer
from opp_mri.domain.imaging import Usability, VolumeDescription
from opp_mri.domain.reader_study import (
    IssuedPackage,
    PackageCase,
)
from opp_mri.errors import InputError
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import list_time_points
from opp_mri.workflow.progress import Progress

IMAGES: Final = "images"
FILE_TIME_S: Final = 946_684_800  # 2000-01-01: the time of a file reveals nothing
OTHER_SERIES: Final = 1
CHOSEN_SERIES: Final = 2
"""SeriesNumber of what the project chose: the later of repeats is read, in a package too."""


def select_readable_volumes(store: Store, patient_id: str) -> list[tuple[date, VolumeDescription]]:
    """Return the volumes that a reader may measure on, with the date of their time point."""
    return [
        (point.study_date, volume)
        for point in list_time_points(store, patient_id)
        for volume in point.volumes
        if point.study_date
        and volume.role
        and volume.usability is not Usability.NOTHING
        and not volume.duplicate_of
    ]


@frozen(kw_only=True)
class _Copy:
    """An image that goes into a package."""

    case: PackageCase
    shown_day: date
    sop_instance_uid: str
    series_number: int
    instance_number: int
    disguise: Disguise


def copy_images(
    store: Store,
    issued_package: IssuedPackage,
    folder: Path,
    progress: Progress,
    allowed_keywords: frozenset[str],
) -> tuple[int, tuple[str, ...]]:
    """Write the images of a package; gives how many, and why others stayed behind.

    Parameters
    ----------
    store
        Of the project.
    issued_package
        The package, with its cases and its secret.
    folder
        Folder of the package that is being made.
    progress
        Told of each image.
    allowed_keywords
        Keywords of elements that are kept.

    Returns
    -------
    tuple of int and tuple of str
        Number of images written, and the reasons why others were left out, each once.
    """
    copies = [
        copy
        for case in issued_package.cases
        for copy in _list_copies(
            case, select_readable_volumes(store, case.patient_id), issued_package
        )
    ]
    secrets.SystemRandom().shuffle(copies)  # names, rows and times of writing follow no visit
    sources = store.get_sources_of({copy.sop_instance_uid for copy in copies})
    file_count = 0
    left_out: dict[str, None] = {}
    for number, copy in enumerate(copies):
        progress("copying images", number, len(copies))
        path = folder / f"{number + 1:06d}.dcm"
        new_uid = build_new_uids(issued_package, copy.case)
        try:
            write_deidentified(
                sources[copy.sop_instance_uid],
                path,
                new_uid=new_uid,
                header={
                    "PatientID": copy.case.code,
                    "PatientName": copy.case.code,
                    "StudyDate": f"{copy.shown_day:%Y%m%d}",
                    "SeriesNumber": copy.series_number,
                    "InstanceNumber": copy.instance_number,
                    # of the catalogue's name: two images of one UID in their files stay two
                    "SOPInstanceUID": new_uid(copy.sop_instance_uid),
                },
                disguise=copy.disguise,
                allowed_keywords=allowed_keywords,
            )
            os.utime(path, (FILE_TIME_S, FILE_TIME_S))
            file_count += 1
        except InputError as error:
            left_out[str(error)] = None
    progress("copying images", len(copies), len(copies))
    return file_count, tuple(left_out)


def _list_copies(
    case: PackageCase,
    volumes: Iterable[tuple[date, VolumeDescription]],
    issued_package: IssuedPackage,
) -> list[_Copy]:
    shown_days = {real: day for day, real in case.days}
    copies: dict[str, _Copy] = {}
    numbers: Counter[str] = Counter()
    volumes = list(volumes)
    disguises = plan_disguises(issued_package.secret, case.code, (volume for _, volume in volumes))
    series_uids = {volume.series_instance_uid for _, volume in volumes if volume.selected}
    for day, volume in volumes:
        for frame in volume.frames:
            if frame.sop_instance_uid not in copies:
                numbers[volume.series_instance_uid] += 1
                copies[frame.sop_instance_uid] = _Copy(
                    case=case,
                    shown_day=shown_days[day],
                    sop_instance_uid=frame.sop_instance_uid,
                    series_number=CHOSEN_SERIES
                    if volume.series_instance_uid in series_uids
                    else OTHER_SERIES,
                    instance_number=numbers[volume.series_instance_uid],
                    disguise=disguises[volume.series_instance_uid],
                )
    return list(copies.values())


def plan_disguises(
    secret: str, code: str, volumes: Iterable[VolumeDescription]
) -> Mapping[str, Disguise]:
    """Return what changes the images of each series in a package, by SeriesInstanceUID.

    Parameters
    ----------
    secret
        Of the package, in hexadecimal digits.
    code
        Code of the case.
    volumes
        Of the patient.
    """
    by_series: dict[str, list[VolumeDescription]] = defaultdict(list)
    for volume in volumes:
        by_series[volume.series_instance_uid].append(volume)
    return {
        series: derive_disguise(
            bytes.fromhex(secret),
            code,
            series=series,
            frame_of_reference=of_series[0].instance.frame_of_reference_uid,
            rows=min(volume.instance.rows for volume in of_series),
            columns=min(volume.instance.columns for volume in of_series),
        )
        for series, of_series in by_series.items()
    }


def find_trims(case: PackageCase) -> Mapping[str, tuple[int, int]]:
    """Return the columns at the left and rows at the top that a case's images lack, by series."""
    return {series: (left, top) for series, left, top in case.trims}


def build_new_uids(issued_package: IssuedPackage, case: PackageCase) -> NewUid:
    """Return what replaces the UIDs of a case."""
    return build_uid_replacer(bytes.fromhex(issued_package.secret), case.code)
