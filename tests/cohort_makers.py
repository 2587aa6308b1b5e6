"""A synthetic cohort for tests: lesions drawn from a seed, each classified by the rules themselves.

The shapes of the courses follow Amini et al., AJNR 2016;37:387-392: an early rise and fall, mostly
after a single fraction, beside lesions that grow on, shrink or stay. The numbers are invented.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
from attrs import evolve
from makers import make_lesion

from opp_mri.cohort.members import CohortLesion
from opp_mri.domain.assessment import Criteria, Mode
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)
from opp_mri.response.classify import classify
from opp_mri.units import recorded_mm

Course = Callable[[float], float]  # change from baseline in mm by week

AMINI = Criteria(name="amini-2016")
HISTOLOGIES = ("RCC", "breast", "melanoma", "thyroid", "sarcoma", "lung", "colon", "prostate")
LEVELS = (*(f"C{n}" for n in range(3, 8)), *(f"T{n}" for n in range(1, 13)), "L1", "L2", "L3", "L4")
REGIMENS = ((24, 1), (18, 1), (16, 1), (27, 3), (30, 5))
SHARES = {True: (0.30, 0.20, 0.22), False: (0.04, 0.26, 0.32)}  # OPP, PD, PR; SD is the rest
WEEKS_BETWEEN_VISITS = 12
ERROR_MM = 0.35


def make_cohort(
    lesions: int = 48,
    seed: int = 2016,
    *,
    criteria: Criteria = AMINI,
    mode: Mode = Mode.RETROSPECTIVE,
) -> tuple[CohortLesion, ...]:
    """Make a cohort; the same seed gives the same lesions, and a larger one begins with them.

    About one lesion in eight shares its patient with the one before, one in eight is excluded for
    a reason of the paper, and some have a change of therapy, a retreatment or a death.
    """
    made: list[CohortLesion] = []
    for number in range(lesions):
        rng = np.random.default_rng([seed, number])
        shares_patient = bool(made) and rng.random() < 0.125
        patient_id = made[-1].patient_id if shares_patient else f"P{number + 1:05d}"
        made.append(_make(rng, f"L{number + 1:05d}", patient_id, criteria, mode))
    return tuple(made)


def _make(
    rng: np.random.Generator, lesion_id: str, patient_id: str, criteria: Criteria, mode: Mode
) -> CohortLesion:
    dose_gy, fractions = REGIMENS[rng.integers(len(REGIMENS))]
    kind = rng.choice(4, p=[*SHARES[fractions == 1], 1 - sum(SHARES[fractions == 1])])
    weeks = _visit_weeks(rng)
    events = _events(rng, kind, weeks)
    retreated = [e.days_from_ssrs for e in events if e.kind is EventKind.LOCAL_RETREATMENT]
    observations = _observations(rng, _course(rng, kind), weeks)
    timeline = Timeline(lesion_id=lesion_id, observations=observations, events=events)
    last_day = max((o.days_from_ssrs for row in observations.values() for o in row), default=0)
    lesion = _lesion(rng, lesion_id, patient_id, max([last_day, *retreated]))
    return CohortLesion(
        patient_id=patient_id,
        lesion=evolve(lesion, dose_gy=Decimal(dose_gy), fractions=fractions),
        timeline=timeline,
        assessment=classify(timeline, criteria, mode),
    )


def _lesion(rng: np.random.Generator, lesion_id: str, patient_id: str, last_day: int) -> Lesion:
    last_date = date(2015, 1, 5) + timedelta(days=int(rng.integers(2500)))
    died = rng.random() < 0.2
    death_date = last_date + timedelta(days=last_day + int(rng.integers(10, 300)))
    return make_lesion(
        lesion_id,
        tracking_uid=f"2.25.{int(rng.integers(1, 2**62))}",
        patient_id=patient_id,
        level=str(rng.choice(LEVELS)),
        ssrs_first_date=last_date,
        ssrs_last_date=last_date,
        histology=str(rng.choice(HISTOLOGIES)),
        sex=str(rng.choice(["F", "M"])),
        age_years=int(rng.integers(32, 78)),
        death_date=death_date if died else None,
    )


def _visit_weeks(rng: np.random.Generator) -> list[int]:
    """Give the weeks of the studies after SSRS: the first sooner, a few missed, some none."""
    fate = rng.random()
    if fate < 0.02:
        return []
    visits = 1 if fate < 0.06 else int(rng.integers(3, 11))
    weeks = [6, *(WEEKS_BETWEEN_VISITS * (n + 1) for n in range(visits))]
    kept = [w for w in weeks if w == weeks[-1] or rng.random() > 0.12]
    return [w + int(rng.integers(-1, 2)) for w in kept]


def _course(rng: np.random.Generator, kind: int) -> Course:
    """Give the true change by week: rise and fall, growth, decline, or nothing."""
    if kind == 0:
        peak_week, height_mm = rng.uniform(8, 22), rng.uniform(3, 9)
        rest_mm = rng.choice([rng.uniform(-3, 0.5), rng.uniform(0, 3)])
        rise = [0.0, peak_week, peak_week + rng.uniform(14, 34), 400.0]
        return lambda week: float(np.interp(week, rise, [0.0, height_mm, rest_mm, rest_mm]))
    if kind == 1:
        starts, per_week = rng.uniform(0, 40), rng.uniform(0.06, 0.3)
        return lambda week: float(min(14, max(0, week - starts) * per_week))
    if kind == 2:
        depth_mm, half = rng.uniform(3, 11), rng.uniform(8, 30)
        return lambda week: float(-depth_mm * (1 - 0.5 ** (week / half)))
    slope = rng.normal(0, 0.008)
    return lambda week: float(slope * week)


def _observations(
    rng: np.random.Generator, course: Course, weeks: list[int]
) -> dict[SeriesRole, tuple[Observation, ...]]:
    """Measure each sequence at the visits: its own baseline, its own share of the course."""
    baseline_mm, before = rng.uniform(13, 30), -int(rng.integers(3, 25))
    second = SeriesRole.STIR if rng.random() < 0.12 else SeriesRole.T2FS
    offsets = {SeriesRole.T1: 0.0, second: rng.normal(0.6, 1.2), SeriesRole.T1POST: 0.3}
    days = [] if rng.random() < 0.03 else [before]
    days += [7 * week + int(rng.integers(-3, 4)) for week in weeks]
    found: dict[SeriesRole, tuple[Observation, ...]] = {}
    for sequence, offset_mm in offsets.items():
        share = rng.uniform(0.7, 1.15)
        if sequence is SeriesRole.T1POST and rng.random() < 0.25:
            continue
        found[sequence] = tuple(
            Observation(day, recorded_mm(max(0.0, float(length_mm))))
            for day in days
            if day < 0 or sequence is SeriesRole.T1 or rng.random() > 0.1
            for length_mm in [
                baseline_mm + offset_mm + share * course(max(day, 0) / 7) + rng.normal(0, ERROR_MM)
            ]
        )
        assert all(a.days_from_ssrs < b.days_from_ssrs for a, b in pairwise(found[sequence]))
    return {sequence: row for sequence, row in found.items() if row}


def _events(rng: np.random.Generator, kind: int, weeks: list[int]) -> tuple[TreatmentEvent, ...]:
    events: list[TreatmentEvent] = []
    if rng.random() < 0.06:
        events.append(TreatmentEvent(0, EventKind.EXCLUSION, str(rng.choice(list(Exclusion)))))
    if rng.random() < 0.18:
        day = int(rng.integers(20, 500))
        events.append(TreatmentEvent(day, EventKind.SYSTEMIC_THERAPY_CHANGE))
        if rng.random() < 0.7:
            seen = str(rng.choice(list(OtherBoneLesions)))
            events.append(TreatmentEvent(day + 1, EventKind.OTHER_BONE_LESIONS, seen))
    if kind == 1 and weeks and rng.random() < 0.25:
        day = 7 * weeks[-1] + int(rng.integers(5, 60))
        events.append(TreatmentEvent(day, EventKind.LOCAL_RETREATMENT))
    return tuple(sorted(events, key=lambda event: event.days_from_ssrs))
