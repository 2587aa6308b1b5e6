"""A few lesions by hand, each with the answer that the rules give it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Reason,
    ResponseCategory,
    Rules,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline

DAYS = (-9, 47, 83, 171, 260)
RISE_AND_FALL = ("17.3", "19.8", "22.4", "20.1", "17.1")


@pytest.fixture
def criteria() -> Criteria:
    return Criteria(name="amini-2016")


@pytest.fixture
def timeline() -> Timeline:
    """A lesion that grew and fell, on T1 and on T2FS."""
    observations = tuple(
        Observation(day, Decimal(mm)) for day, mm in zip(DAYS, RISE_AND_FALL, strict=True)
    )
    return Timeline(
        lesion_id="P01-A",
        observations={SeriesRole.T1: observations, SeriesRole.T2FS: observations},
    )


@pytest.fixture
def assess(criteria: Criteria) -> Callable[..., Assessment]:
    """Say OPP of a timeline with the lengths of `RISE_AND_FALL`, or what is asked for."""

    def answer(timeline: Timeline, *, discordant: bool = False, **changes: object) -> Assessment:
        opp = SequenceAssessment(
            category=ResponseCategory.OPP,
            reason=Reason.SUSTAINED_DECLINE,
            baseline_day=-9,
            baseline_mm=Decimal("17.3"),
            peak_change_mm=Decimal("5.1"),
            peak_day=83,
            last_change_mm=Decimal("-0.2"),
            last_day=260,
        )
        return Assessment(
            **{
                "lesion_id": timeline.lesion_id,
                "rules": Rules(criteria=criteria),
                "category": ResponseCategory.OPP,
                "reason": Reason.SUSTAINED_DECLINE,
                "deciding_sequence": SeriesRole.T1,
                "discordant": discordant,
                "sequences": dict.fromkeys(timeline.observations, opp),
                **changes,
            }
        )

    return answer
