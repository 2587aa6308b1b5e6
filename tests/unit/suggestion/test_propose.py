"""From one click to a proposal for each sequence, or to the reason why there is none."""

import numpy as np
import pytest
from attrs import evolve
from fixtures.spine_images import SEED, Ellipsoid, visit_images

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.proposal import Abstention, AbstentionReason, Proposal
from opp_mri.suggestion.images import SequenceImage
from opp_mri.suggestion.propose import propose_visit


def reasons(answers: tuple[Proposal | Abstention, ...]) -> set[AbstentionReason]:
    assert all(isinstance(answer, Abstention) for answer in answers)
    return {answer.reason for answer in answers if isinstance(answer, Abstention)}


def proposals(answers: tuple[Proposal | Abstention, ...]) -> list[Proposal]:
    assert all(isinstance(answer, Proposal) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Proposal)]


@pytest.mark.parametrize("half_ap_mm", [4.0, 8.0, 11.0])
def test_the_extent_is_proposed_on_each_sequence(half_ap_mm: float) -> None:
    lesion = Ellipsoid(half_ap_mm=half_ap_mm)
    for proposal in proposals(propose_visit(visit_images(lesion), SEED)):
        assert float(proposal.length_mm) == pytest.approx(2 * half_ap_mm, abs=0.6)
        assert 0 < proposal.standard_error_mm < 1.0


def test_a_click_elsewhere_in_the_lesion_gives_the_same_extent() -> None:
    images = visit_images(Ellipsoid())
    middle = proposals(propose_visit(images, SEED))
    aside = proposals(propose_visit(images, (1.0, 3.0, -2.0)))
    for one_click, other_click in zip(middle, aside, strict=True):
        assert float(one_click.length_mm) == pytest.approx(float(other_click.length_mm), abs=0.4)


def test_both_ends_lie_on_the_native_slice_that_is_named() -> None:
    images = visit_images(Ellipsoid(u_mm=2.0))
    for image, proposal in zip(images, proposals(propose_visit(images, SEED)), strict=True):
        for (column, row), place in (
            (proposal.start, proposal.start_lps_mm),
            (proposal.end, proposal.end_lps_mm),
        ):
            kji = np.array([proposal.slice_index, row, column])
            assert image.geometry.lps_from_kji(kji) == pytest.approx(np.array(place))
        assert proposal.start_lps_mm[1] < proposal.end_lps_mm[1]  # anterior first


def test_a_lesion_at_the_posterior_wall_ends_at_the_wall() -> None:
    answers = propose_visit(visit_images(Ellipsoid(u_mm=9.0)), (0.0, 8.0, 0.0))
    for answer in answers:
        if isinstance(answer, Proposal):
            assert float(answer.length_mm) == pytest.approx(15.0, abs=1.0)
            assert answer.end_at_wall


def test_a_lesion_that_leaves_thin_marrow_before_the_wall_does_not_reach_the_wall() -> None:
    answers = propose_visit(visit_images(Ellipsoid(u_mm=6.7)), (0.0, 5.0, 0.0))
    for proposal in proposals(answers):
        assert float(proposal.length_mm) == pytest.approx(16.0, abs=0.8)


def test_normal_marrow_gives_no_proposal() -> None:
    assert reasons(propose_visit(visit_images(None), SEED)) == {AbstentionReason.NO_CONTRAST}


def test_a_click_beside_the_lesion_gives_no_proposal() -> None:
    answers = propose_visit(visit_images(Ellipsoid(half_ap_mm=4.0)), (0.0, -11.0, 0.0))
    assert reasons(answers) == {AbstentionReason.NO_CONTRAST}


def test_a_click_outside_the_images_gives_no_proposal() -> None:
    answers = propose_visit(visit_images(Ellipsoid()), (80.0, 0.0, 0.0))
    assert reasons(answers) == {AbstentionReason.NO_IMAGE}


def test_without_t1_the_body_is_not_outlined() -> None:
    images = visit_images(Ellipsoid(), (SeriesRole.T2FS, SeriesRole.T1POST))
    assert reasons(propose_visit(images, SEED)) == {AbstentionReason.NO_BODY}


def test_noise_alone_gives_no_proposal() -> None:
    rng = np.random.default_rng(5)
    images = [_noisy(image, rng) for image in visit_images(Ellipsoid())]
    assert all(isinstance(answer, Abstention) for answer in propose_visit(images, SEED))


def test_the_share_of_the_body_is_that_of_the_ellipse() -> None:
    lesion = Ellipsoid()
    share = np.pi * lesion.half_ap_mm * lesion.half_height_mm / (32.0 * 24.0)
    for proposal in proposals(propose_visit(visit_images(lesion), SEED)):
        assert proposal.body_share == pytest.approx(share, abs=0.06)


def _noisy(image: SequenceImage, rng: np.random.Generator) -> SequenceImage:
    return evolve(image, voxels=rng.uniform(0, 500, image.voxels.shape).astype(np.float32))
