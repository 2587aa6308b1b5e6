"""Which cases a package holds, in which order, under which names and dates."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import Final

from opp_mri.domain.measurement import Lesion
from opp_mri.domain.reader_study import (
    CaseOrder,
    IssuedPackage,
    MergedPackage,
    PackageCase,
    ReadingProtocol,
    ShownDates,
)
from opp_mri.errors import ProjectError
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import list_patients, list_time_points, map_patients
from opp_mri.workflow.double_read.package_images import plan_disguises, select_readable_volumes
from opp_mri.workflow.measuring.readings import get_counted_readings

FIRST_DAY: Final = date(
    2000, 1, 1
)  # the first study of each case, so that only days between them show
NO_DATES_DAY: Final = date(1999, 1, 1)  # of radiosurgery where neither days nor order may show
JITTER_DAYS: Final = 3  # of each interval, so that intervals do not identify a repeat


def plan_cases(
    store: Store, protocol: ReadingProtocol, reader: str, wave: int, secret: str
) -> list[tuple[str, str, bool]]:
    """Return code, patient and whether it is a repeat, of each case of a package in its order.

    Where cases come back, the first package holds half of the patients, and the second the others
    with the repeats among them: in neither can a reader tell which those are.

    Parameters
    ----------
    secret
        Of the package: order and repeats are drawn by it. With the order `free` all readers have
        the order of the first package that was made.
    """
    groups = map_patients(store)
    with_lesions = {groups.get_canonical(lesion.patient_id) for lesion in store.get_lesions()}
    patient_ids = [
        patient.patient_id for patient in list_patients(store) if patient.patient_id in with_lesions
    ]
    packages = store.log_of(IssuedPackage)
    is_free = protocol.order is CaseOrder.FREE and packages
    chance = random.Random(packages[0].secret if is_free else secret)  # noqa: S311 - by a secret
    chance.shuffle(patient_ids)
    if not protocol.repeats_share:
        return _assign_codes(((patient_id, False) for patient_id in patient_ids), after=0)
    if wave == 1:
        first = patient_ids[: (len(patient_ids) + 1) // 2]
        return _assign_codes(((patient_id, False) for patient_id in first), after=0)
    # what was in the first package is looked up: lesions may have been added since
    first = [
        groups.get_canonical(case.patient_id)
        for case in list_issued_packages(store, reader)[1].cases
    ]
    count = min(max(round(protocol.repeats_share * len(patient_ids)), 1), len(first))
    second = [(patient_id, False) for patient_id in patient_ids if patient_id not in first]
    second += [(patient_id, True) for patient_id in chance.sample(first, count)]
    chance.shuffle(second)
    return _assign_codes(second, after=len(first))


def _assign_codes(cases: Iterable[tuple[str, bool]], *, after: int) -> list[tuple[str, str, bool]]:
    return [(f"CASE-{number:03d}", *case) for number, case in enumerate(cases, after + 1)]


def list_issued_packages(store: Store, reader: str) -> Mapping[int, IssuedPackage]:
    """Return a reader's packages by wave; one that was made again replaces the lost one."""
    packages = store.log_of(IssuedPackage)
    return {package.wave: package for package in packages if package.reader == reader}


def find_due_wave(
    store: Store, protocol: ReadingProtocol, reader: str, at: datetime, *, again: bool
) -> int:
    """Return which package of a reader is due: 1, or 2 for that with the repeats.

    Parameters
    ----------
    reader
        Name in the protocol.
    at
        Now, with a time zone.
    again
        Make the latest package again, which was lost before it was returned.

    Raises
    ------
    ProjectError
        None is due; the text says why.
    """
    packages = list_issued_packages(store, reader)
    merged_packages = {package.package_id: package for package in store.log_of(MergedPackage)}
    if not packages:
        return 1
    latest = max(packages)
    if again:
        if packages[latest].package_id in merged_packages:
            raise ProjectError("This package was returned already: it cannot be made again.")
        return latest
    if latest == 1 and protocol.repeats_share:
        back = merged_packages.get(packages[1].package_id)
        if back is None or _is_unread(store, packages[1]):
            raise ProjectError(
                "The second package, with the repeats, is made once all of the first is read and "
                "merged; if the first was lost, make it again with --again."
            )
        due = back.recorded_at + timedelta(days=protocol.washout_days)
        if at < due:
            raise ProjectError(
                f"The washout of {protocol.washout_days} days lasts until {due.date()}: make the "
                "second package then."
            )
        return 2
    raise ProjectError(
        f"The package was made on {packages[latest].recorded_at.date()}; if it was lost, make "
        "it again with --again."
    )


def _is_unread(store: Store, package: IssuedPackage) -> bool:
    read_lesions = {
        reading.lesion_id
        for reading in get_counted_readings(store)
        if reading.reader == package.reader
    }
    return any(real not in read_lesions for case in package.cases for _, real in case.lesions)


def plan_case(
    store: Store, protocol: ReadingProtocol, code: str, patient_id: str, *, repeat: bool,
    secret: str,
) -> PackageCase:  # fmt: skip
    """Return a patient as a package shows one: codes for names, other dates, trimmed images.

    Parameters
    ----------
    code
        Code of the case in the package.
    patient_id
        PatientID of the patient, or one of several.
    repeat
        Whether the case is a hidden repeat of another of the same reader.
    secret
        Of the package, in hexadecimal digits; it decides all that is random.
    """
    volumes = [volume for _, volume in select_readable_volumes(store, patient_id)]
    group = map_patients(store).group(patient_id)
    lesions = [lesion.lesion_id for lesion in store.get_lesions() if lesion.patient_id in group]
    points = [point for point in list_time_points(store, patient_id) if point.study_date]
    days = [point.study_date for point in points if point.study_date]
    chance = random.Random(f"{secret}/{code}")  # noqa: S311 - seeded by a secret
    if protocol.dates is ShownDates.OFFSETS:
        event_dates = {date for lesion in store.get_lesions() if lesion.lesion_id in lesions
                 for date in _collect_dates(lesion)}  # fmt: skip
        shown_days = plan_shown_days(days, event_dates, chance)
    else:
        codes = [FIRST_DAY + timedelta(days=number) for number in range(len(days))]
        chance.shuffle(codes)
        shown_days = dict(zip(days, codes, strict=True))
    return PackageCase(
        code=code,
        patient_id=patient_id,
        repeat=repeat,
        lesions=tuple((f"{code}-{number}", real) for number, real in enumerate(lesions, 1)),
        days=tuple((shown_days[day], day) for day in days),
        dates=tuple((shown_day, day) for day, shown_day in shown_days.items() if day not in days),
        trims=tuple(
            (series, disguise.trim.left, disguise.trim.top)
            for series, disguise in plan_disguises(secret, code, volumes).items()
        ),
    )


def _collect_dates(lesion: Lesion) -> set[date]:
    return {lesion.ssrs_first_date, lesion.ssrs_last_date, *(event.date for event in lesion.events)}


def plan_shown_days(
    days: Sequence[date], event_dates: Collection[date], chance: random.Random
) -> dict[date, date]:
    """Return the day that replaces each date; the order of all dates stays.

    The interval between two consecutive studies is up to `JITTER_DAYS` off, whatever was done
    between them, and so is the interval of any other date to the study before it (or, before the
    first study, after it). Where the order of close dates would change, they stay a day apart.

    Parameters
    ----------
    days
        Of the studies; the first of them becomes `FIRST_DAY`.
    event_dates
        Other dates, of treatment and events.
    chance
        Decides by how much.
    """
    if not days:
        days = [min(event_dates, default=FIRST_DAY)]
    studies = sorted(set(days))
    events = sorted(set(event_dates) - set(studies))
    shown_days: dict[date, date] = {studies[0]: FIRST_DAY}
    later = FIRST_DAY
    for day in reversed([day for day in events if day < studies[0]]):
        gap_days = (studies[0] - day).days + chance.randint(-JITTER_DAYS, JITTER_DAYS)
        later = shown_days[day] = min(FIRST_DAY - timedelta(gap_days), later - timedelta(1))
    for study, next_study in zip_longest(studies, studies[1:]):
        between = [day for day in events if study < day and (not next_study or day < next_study)]
        if next_study:
            gap_days = (next_study - study).days + chance.randint(-JITTER_DAYS, JITTER_DAYS)
            shown_days[next_study] = shown_days[study] + timedelta(max(gap_days, len(between) + 1))
        earlier = shown_days[study]
        for place, day in enumerate(between):
            gap_days = (day - study).days + chance.randint(-JITTER_DAYS, JITTER_DAYS)
            new_day = max(shown_days[study] + timedelta(gap_days), earlier + timedelta(1))
            if next_study:
                new_day = min(new_day, shown_days[next_study] - timedelta(len(between) - place))
            earlier = shown_days[day] = new_day
    return shown_days
