"""Panes follow one place of the body only where frames are joined, and ghosts only by fits."""

import attrs
import numpy as np
import pytest

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.workflow.registration.links import FitNote, Links


def shift(to: str, source: str, up_mm: float) -> RigidTransform:
    matrix = np.eye(4)
    matrix[2, 3] = up_mm
    return RigidTransform(
        to_frame_of_reference_uid=to, from_frame_of_reference_uid=source, matrix=matrix
    )


def both(*transforms: RigidTransform) -> tuple[RigidTransform, ...]:
    return tuple(motion for transform in transforms for motion in (transform, transform.invert()))


FITS = both(shift("baseline", "first", 49.0), shift("baseline", "second", -3.0))


def up_mm(transform: RigidTransform | None) -> float:
    assert transform is not None
    return float(transform.apply(np.zeros(3))[2])


def test_two_follow_ups_are_joined_through_their_baseline() -> None:
    links = Links(confirmed=FITS)
    assert up_mm(links.find_carrying("second", "first")) == pytest.approx(52.0)
    assert up_mm(links.find_carrying("first", "second")) == pytest.approx(-52.0)


def test_a_frame_is_joined_with_itself_and_a_frame_without_a_name_with_nothing() -> None:
    links = Links()
    assert up_mm(links.find_carrying("any", "any")) == 0.0
    assert links.find_carrying("", "") is None
    assert links.find_linking("baseline", "first") is None


def test_a_common_point_links_scrolling_and_carries_nothing() -> None:
    links = Links(confirmed=FITS, by_point=both(shift("third", "first", 5.0)))
    assert links.find_carrying("third", "baseline") is None
    assert up_mm(links.find_linking("third", "baseline")) == pytest.approx(-44.0)


def test_a_confirmed_fit_comes_before_a_common_point() -> None:
    links = Links(confirmed=FITS, by_point=both(shift("baseline", "first", 0.0)))
    assert up_mm(links.find_linking("baseline", "first")) == pytest.approx(49.0)


def test_a_chain_is_composed_once_and_again_where_the_fits_change() -> None:
    links = Links(confirmed=FITS)
    first = links.find_carrying("second", "first")
    assert links.find_carrying("second", "first") is first
    changed_links = attrs.evolve(links, confirmed=both(shift("second", "first", 1.0)))
    assert up_mm(changed_links.find_carrying("second", "first")) == pytest.approx(1.0)


def test_a_fit_that_waits_links_nothing() -> None:
    note = FitNote(
        fit_id="f", sequence=SeriesRole.T1, verdict=Verdict.GOOD,
        baseline_from_followup=shift("baseline", "first", 0.0),
    )  # fmt: skip
    links = Links(fits={"first": (note,)})
    assert links.find_linking("baseline", "first") is None
