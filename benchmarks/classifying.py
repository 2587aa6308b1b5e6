"""How many lesions a second are classified, on one core: categories and reasons.

100,000 synthetic lesions of eight visits (one before radiosurgery) on three sequences; a third
with a change of systemic therapy. Building the timelines is not timed.

    python benchmarks/classifying.py [LESIONS]
"""

import random
import sys
import time
from collections import Counter
from decimal import Decimal

from opp_mri.domain.assessment import Mode, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.criteria import DEFAULT_CRITERIA, load_criteria

VISIT_DAYS = (-10, 42, 84, 126, 182, 273, 365, 547)
SEQUENCES = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.T1POST)


def timeline(number: int, chance: random.Random) -> Timeline:
    rise, fall = chance.choice([0, 0, 3, 6]), chance.choice([0, 4, 8])
    start = chance.randint(80, 250)
    observations = {}
    for sequence in SEQUENCES:
        studies = []
        for visit, day in enumerate(VISIT_DAYS):
            trend = 10 * rise * min(visit, 3) // 3 - 10 * fall * max(visit - 3, 0) // 4
            tenths = max(0, start + trend + chance.randint(-8, 8))
            studies.append(Observation(day + chance.randint(-9, 9), Decimal(tenths) / 10))
        observations[sequence] = tuple(studies)
    events: tuple[TreatmentEvent, ...] = ()
    if number % 3 == 0:
        events = (TreatmentEvent(200, EventKind.SYSTEMIC_THERAPY_CHANGE),)
    return Timeline(lesion_id=str(number), observations=observations, events=events)


def make_timelines(lesions: int) -> list[Timeline]:
    chance = random.Random(2016)  # noqa: S311 - a benchmark needs no secret
    return [timeline(number, chance) for number in range(lesions)]


def main() -> None:
    lesions = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    timelines = make_timelines(lesions)
    criteria = load_criteria(DEFAULT_CRITERIA)
    for mode in Mode:
        wall, processor = time.perf_counter(), time.process_time()
        calls = [
            (call.category, call.reason)
            for call in (
                classify(timeline, Rules(criteria=criteria, mode=mode)) for timeline in timelines
            )
        ]
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(
            f"{mode.value}: {lesions} lesions in {wall:.2f} s (processor {processor:.2f} s), "
            f"{lesions / wall:,.0f} lesions/s"
        )
        counts = Counter(category.value for category, _ in calls).most_common()
        print("  " + ", ".join(f"{category} {count}" for category, count in counts))


if __name__ == "__main__":
    main()
