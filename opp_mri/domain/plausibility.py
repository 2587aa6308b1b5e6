"""What is unlikely about recorded data: named warnings, which never change a category."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

from attrs import field, frozen

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import Observation
from opp_mri.units import count_days, format_mm

Observations = Mapping[SeriesRole, Sequence[Observation]]

SMALLEST_USUAL_MM: Final = Decimal(4)  # a lesion below it throughout may be given in cm
LARGEST_USUAL_STEP: Final = 8  # one length is this many times the next of its sequence
LEAST_GY_A_FRACTION: Final = 5  # of radiosurgery in several fractions
DEIDENTIFIED_SSRS_DATE: Final = date(2000, 1, 1)  # each lesion then has a calendar of its own
OLDEST_BASELINE_DAYS: Final = 42  # six weeks before the first fraction


class WarningName(StrEnum):
    """What is unlikely."""

    LENGTHS_MAY_BE_CM = "lengths_may_be_cm"
    TENFOLD_STEP = "tenfold_step"
    DOSE_MAY_BE_PER_FRACTION = "dose_may_be_per_fraction"
    FRACTIONS_ON_ONE_DAY = "fractions_on_one_day"
    SAME_LEVEL_AND_DAY = "same_level_and_day"
    PATIENT_DIFFERS = "patient_differs"
    MRI_AFTER_DEATH = "mri_after_death"
    CONTACT_BEFORE_LAST_MRI = "contact_before_last_mri"
    STUDY_DURING_TREATMENT = "study_during_treatment"
    OLD_BASELINE = "old_baseline"
    NO_T2_RATIO = "no_t2_ratio"


@frozen(kw_only=True)
class DataWarning:
    """Something unlikely about one lesion.

    Parameters
    ----------
    name
        For a program.
    lesion_id
        The lesion.
    sentence
        Cause and remedy, for a reader.
    sequence, day
        Of the study that it concerns, in days from SSRS. Without a day it concerns the lesion,
        without a sequence every sequence of that day.
    file, line
        Where a table has the study or the lesion; "" and None in a project.
    """

    name: WarningName = field(converter=WarningName)
    lesion_id: str
    sentence: str
    sequence: SeriesRole | None = None
    day: int | None = None
    file: str = ""
    line: int | None = None


def find_length_warnings(lesion_id: str, observations: Observations) -> Iterator[DataWarning]:
    """Name lengths whose unit may not be mm."""
    present = [
        (sequence, observation)
        for sequence, row in observations.items()
        for observation in row
        if observation.ap_mm > 0
    ]
    if len(present) > 1 and max(study.ap_mm for _, study in present) < SMALLEST_USUAL_MM:
        yield DataWarning(
            name=WarningName.LENGTHS_MAY_BE_CM,
            lesion_id=lesion_id,
            sequence=present[0][0],
            day=present[0][1].days_from_ssrs,
            sentence=f"All lengths are below {format_mm(SMALLEST_USUAL_MM)}: if they are given in "
            "cm, write them in mm.",
        )
    for sequence, row in observations.items():
        for earlier, later in pairwise(observation for observation in row if observation.ap_mm > 0):
            low, high = sorted((earlier.ap_mm, later.ap_mm))
            if high >= LARGEST_USUAL_STEP * low:
                yield DataWarning(
                    name=WarningName.TENFOLD_STEP,
                    lesion_id=lesion_id,
                    sequence=sequence,
                    day=later.days_from_ssrs,
                    sentence=f"{sequence.value} goes from {format_mm(earlier.ap_mm)} on day "
                    f"{earlier.days_from_ssrs} to {format_mm(later.ap_mm)} on day "
                    f"{later.days_from_ssrs}: check that both are in mm.",
                )


def find_lesion_warnings(lesions: Iterable[Lesion]) -> Iterator[DataWarning]:
    """Name unlikely treatments, two lesions in one place, and patients who differ."""
    places: dict[tuple[str, str, date], str] = {}
    first_of: dict[str, Lesion] = {}
    for lesion in lesions:
        yield from _check_course_of_treatment(lesion)
        place = (lesion.patient_id, lesion.level, lesion.ssrs_first_date)
        other_id = places.setdefault(place, lesion.lesion_id)
        if other_id != lesion.lesion_id:
            yield DataWarning(
                name=WarningName.SAME_LEVEL_AND_DAY,
                lesion_id=lesion.lesion_id,
                sentence=f"{other_id} has the same patient, level and day of radiosurgery: if they "
                "are one lesion, keep one of them.",
            )
        first = first_of.setdefault(lesion.patient_id, lesion)
        difference = find_patient_difference(first, lesion)
        if difference is not None:
            sentence = difference.describe(f"in {first.lesion_id}")
            yield DataWarning(
                name=WarningName.PATIENT_DIFFERS,
                lesion_id=lesion.lesion_id,
                sentence=f"{sentence[0].upper()}{sentence[1:]}.",
            )


@frozen
class PatientDifference:
    """A contradiction between two lesions of one patient.

    Parameters
    ----------
    column, noun
        Its place, for a program and in words.
    first, second
        The values of the two lesions.
    """

    column: str
    noun: str
    first: str
    second: str

    def describe(self, where: str) -> str:
        """Say it of the second lesion, with the place of the first."""
        return (
            f"the patient's {self.noun} is {self.second} here and {self.first} {where}: correct "
            "one of them"
        )


def find_patient_difference(first: Lesion, second: Lesion) -> PatientDifference | None:
    """Return the first contradiction between two lesions of one patient, or None.

    Ages may differ by the years between the treatments, one year more or less. Where both lesions
    are de-identified, their dates count from SSRS of each, so that only the sex is compared.
    """
    own_calendars = first.ssrs_last_date == second.ssrs_last_date == DEIDENTIFIED_SSRS_DATE
    date_columns = (("birth_year", "year of birth"), ("death_date", "death"))
    for column, noun in (("sex", "sex"), *(() if own_calendars else date_columns)):
        values = getattr(first, column), getattr(second, column)
        if all(values) and values[0] != values[1]:
            return PatientDifference(column, noun, str(values[0]), str(values[1]))
    if own_calendars:
        return None
    if first.age_years is not None and second.age_years is not None:
        years_apart = count_days(first.ssrs_first_date, second.ssrs_first_date) / 365.25
        if abs(second.age_years - first.age_years - years_apart) > 1:
            ages = str(first.age_years), str(second.age_years)
            return PatientDifference("age_years", "age", *ages)
    return None


def _check_course_of_treatment(lesion: Lesion) -> Iterator[DataWarning]:
    fractions = lesion.fractions or 0
    if fractions > 1 and lesion.dose_gy and lesion.dose_gy < LEAST_GY_A_FRACTION * fractions:
        yield DataWarning(
            name=WarningName.DOSE_MAY_BE_PER_FRACTION,
            lesion_id=lesion.lesion_id,
            sentence=f"{lesion.dose_gy} Gy in {fractions} fractions is less than "
            f"{LEAST_GY_A_FRACTION} Gy a fraction: if it is the dose of one fraction, write the "
            "total dose.",
        )
    if fractions > 1 and lesion.ssrs_first_date == lesion.ssrs_last_date:
        yield DataWarning(
            name=WarningName.FRACTIONS_ON_ONE_DAY,
            lesion_id=lesion.lesion_id,
            sentence=f"{fractions} fractions were given on one day, {lesion.ssrs_first_date}: give "
            "the day of the last one as ssrs_last_date.",
        )


def find_study_warnings(lesion: Lesion, observations: Observations) -> Iterator[DataWarning]:
    """Name studies that do not fit treatment, last contact or death."""
    days = sorted(
        {observation.days_from_ssrs for row in observations.values() for observation in row}
    )
    dates = [lesion.ssrs_last_date + timedelta(days=day) for day in days]
    yield from _find_studies_after_the_end(lesion, dates)
    during = [day for day in dates if lesion.ssrs_first_date < day <= lesion.ssrs_last_date]
    if during:
        yield DataWarning(
            name=WarningName.STUDY_DURING_TREATMENT,
            lesion_id=lesion.lesion_id,
            day=count_days(lesion.ssrs_last_date, during[0]),
            sentence=f"The study of {during[0]} lies between first and last fraction: it is "
            "neither baseline nor follow-up.",
        )
    for sequence, row in observations.items():
        baselines = [
            lesion.ssrs_last_date + timedelta(days=observation.days_from_ssrs)
            for observation in row
            if lesion.ssrs_last_date + timedelta(days=observation.days_from_ssrs)
            <= lesion.ssrs_first_date
        ]
        age_days = count_days(baselines[-1], lesion.ssrs_first_date) if baselines else 0
        if age_days > OLDEST_BASELINE_DAYS:
            yield DataWarning(
                name=WarningName.OLD_BASELINE,
                lesion_id=lesion.lesion_id,
                sequence=sequence,
                day=count_days(lesion.ssrs_last_date, baselines[-1]),
                sentence=f"The {sequence.value} baseline is {age_days} days older than the first "
                "fraction: more than six weeks.",
            )


def _find_studies_after_the_end(lesion: Lesion, dates: Sequence[date]) -> Iterator[DataWarning]:
    if not dates:
        return
    last = dates[-1]
    if lesion.death_date is not None and last > lesion.death_date:
        yield DataWarning(
            name=WarningName.MRI_AFTER_DEATH,
            lesion_id=lesion.lesion_id,
            day=count_days(lesion.ssrs_last_date, last),
            sentence=f"The study of {last} is {count_days(lesion.death_date, last)} days after "
            "death: correct one of them.",
        )
    elif lesion.last_contact_date is not None and last > lesion.last_contact_date:
        yield DataWarning(
            name=WarningName.CONTACT_BEFORE_LAST_MRI,
            lesion_id=lesion.lesion_id,
            day=count_days(lesion.ssrs_last_date, last),
            sentence=f"The last contact, {lesion.last_contact_date}, is before the last study, "
            f"{last}: correct one of them.",
        )
