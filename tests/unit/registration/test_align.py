"""A follow-up is lined up on the right vertebra, wherever its header says it is."""

import pickle

import numpy as np
import pytest
from attrs import evolve
from fixtures.registration_volumes import Scanned, shifted

from opp_mri.domain.geometry import Volume
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError
from opp_mri.registration.align import align, judge, list_parameters

COARSE_TRE_MM = 0.5  # pixels of 2.2 mm, slices of 4.4 mm


def fit_of(baseline: Scanned, followup: Scanned) -> Fit:
    return align(
        baseline.volume,
        followup.volume,
        centre_lps_mm=baseline.centre_lps_mm,
        lesion_radius_mm=baseline.radius_mm,
    )


def tre_mm(fit: Fit, baseline: Scanned, followup: Scanned) -> float:
    mapped_points = fit.baseline_from_followup.apply(followup.landmarks_lps_mm())
    return float(np.linalg.norm(mapped_points - baseline.landmarks_lps_mm(), axis=1).max())


@pytest.fixture(scope="module")
def fit(lumbar: list[Scanned]) -> Fit:
    return fit_of(lumbar[0], lumbar[1])


def test_the_vertebra_of_a_lesion_that_grew_is_found_to_half_a_millimetre(
    fit: Fit, lumbar: list[Scanned]
) -> None:
    assert tre_mm(fit, lumbar[0], lumbar[1]) < COARSE_TRE_MM
    assert fit.verdict is Verdict.GOOD
    assert fit.similarity > fit.similarity_before
    assert fit.overlap > 0.9


def test_the_transform_leads_from_the_followups_frame_to_the_baselines(
    fit: Fit, lumbar: list[Scanned]
) -> None:
    transform = fit.baseline_from_followup
    frames = [study.volume.geometry.frame_of_reference_uid for study in lumbar]
    assert transform.to_frame_of_reference_uid == frames[0]
    assert transform.from_frame_of_reference_uid == frames[1]


def test_the_displacement_is_that_of_the_truth(fit: Fit, lumbar: list[Scanned]) -> None:
    truth = lumbar[0].truly_from(lumbar[1])
    true_place = truth.invert().apply(np.array(fit.centre_lps_mm))
    expected = np.array(fit.centre_lps_mm) - true_place
    np.testing.assert_allclose(fit.displacement_lps_mm, expected, atol=COARSE_TRE_MM)
    assert fit.rotation_deg == pytest.approx(truth.rotation_deg, abs=1.0)


def test_the_runner_up_is_about_a_level_away(fit: Fit) -> None:
    assert fit.level_margin is not None
    assert fit.level_margin > 0
    assert fit.runner_up_lps_mm is not None
    assert abs(fit.runner_up_lps_mm[2]) > 20


def test_a_header_that_is_off_by_more_than_a_level_changes_nothing(
    fit: Fit, lumbar: list[Scanned]
) -> None:
    shifted_fit = align(
        lumbar[0].volume,
        shifted(lumbar[1].volume, (3.0, -5.0, 49.0)),
        centre_lps_mm=lumbar[0].centre_lps_mm,
        lesion_radius_mm=lumbar[0].radius_mm,
    )
    off = np.array(fit.displacement_lps_mm) - shifted_fit.displacement_lps_mm
    np.testing.assert_allclose(off, (3.0, -5.0, 49.0), atol=0.05)
    assert shifted_fit.verdict is fit.verdict


def test_the_way_back_agrees_with_the_way_there(fit: Fit, lumbar: list[Scanned]) -> None:
    target = fit.baseline_from_followup.invert().apply(np.array(fit.centre_lps_mm))
    x, y, z = target.tolist()
    back = align(
        lumbar[1].volume,
        lumbar[0].volume,
        centre_lps_mm=(x, y, z),
        lesion_radius_mm=lumbar[1].radius_mm,
    )
    loop = fit.baseline_from_followup.compose(back.baseline_from_followup)
    assert (
        np.linalg.norm(loop.apply(np.array(fit.centre_lps_mm)) - fit.centre_lps_mm) < COARSE_TRE_MM
    )


def test_without_a_lesion_the_common_field_of_view_is_lined_up(lumbar: list[Scanned]) -> None:
    fit = align(lumbar[0].volume, shifted(lumbar[2].volume, (0.0, 0.0, -40.0)))
    truth = lumbar[0].truly_from(lumbar[2])
    mapped_points = fit.baseline_from_followup.apply(
        lumbar[2].landmarks_lps_mm() - (0.0, 0.0, 40.0)
    )
    expected = truth.apply(lumbar[2].landmarks_lps_mm())
    # the spine bends between dates, so a single motion is only near for a single vertebra
    assert np.linalg.norm(mapped_points - expected, axis=1).max() < 6
    assert fit.verdict is Verdict.GOOD


def test_an_image_on_itself_does_not_move(lumbar: list[Scanned]) -> None:
    fit = fit_of(lumbar[0], lumbar[0])
    assert np.linalg.norm(fit.displacement_lps_mm) < 0.02
    assert fit.similarity == pytest.approx(1.0, abs=1e-3)


def test_gain_and_offset_of_the_scanner_do_not_matter(fit: Fit, lumbar: list[Scanned]) -> None:
    louder = evolve(lumbar[1].volume, voxels=lumbar[1].volume.voxels.astype(np.float32) * 7)
    louder_fit = align(
        lumbar[0].volume,
        louder,
        centre_lps_mm=lumbar[0].centre_lps_mm,
        lesion_radius_mm=lumbar[0].radius_mm,
    )
    np.testing.assert_allclose(louder_fit.displacement_lps_mm, fit.displacement_lps_mm, atol=0.01)


@pytest.mark.parametrize("levels_off", [-2, -1, 1, 2])
def test_a_transform_that_takes_a_neighbour_for_the_vertebra_has_failed(
    lumbar: list[Scanned], levels_off: int
) -> None:
    wrong = judge_at(lumbar, lumbar[0].truly_from(lumbar[1], levels_off))
    assert wrong.verdict is Verdict.FAILED
    assert wrong.level_margin is not None
    assert wrong.level_margin < 0
    assert "Another level of the spine fits better than this one." in wrong.reasons


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["left-right", "AP", "along the spine"])
def test_a_transform_that_is_off_by_more_than_2_mm_is_not_good(
    lumbar: list[Scanned], axis: int
) -> None:
    truth = lumbar[0].truly_from(lumbar[1])
    matrix = truth.matrix.copy()
    matrix[axis, 3] += 2.05
    wrong = judge_at(lumbar, evolve(truth, matrix=matrix))
    assert wrong.verdict is not Verdict.GOOD


def test_the_true_transform_is_judged_good_and_left_as_it_is(lumbar: list[Scanned]) -> None:
    truth = lumbar[0].truly_from(lumbar[1])
    judgement = judge_at(lumbar, truth)
    assert judgement.verdict is Verdict.GOOD
    np.testing.assert_allclose(judgement.baseline_from_followup.matrix, truth.matrix, atol=1e-9)


def judge_at(lumbar: list[Scanned], baseline_from_followup: RigidTransform) -> Fit:
    return judge(
        lumbar[0].volume,
        lumbar[1].volume,
        baseline_from_followup,
        centre_lps_mm=lumbar[0].centre_lps_mm,
        lesion_radius_mm=lumbar[0].radius_mm,
    )


def test_judging_a_transform_between_other_frames_is_refused(lumbar: list[Scanned]) -> None:
    with pytest.raises(GeometryError, match="other images"):
        judge_at(lumbar, lumbar[0].truly_from(lumbar[2]))


def test_another_region_of_another_patient_is_called_out(
    lumbar: list[Scanned], thoracic: list[Scanned]
) -> None:
    fit = fit_of(lumbar[0], thoracic[0])
    assert fit.verdict is Verdict.FAILED
    assert any("another patient or another region" in reason for reason in fit.reasons)


def test_a_volume_of_two_slices_or_without_signal_is_refused(lumbar: list[Scanned]) -> None:
    good = lumbar[0].volume
    thin = cut(good, slices=2)
    blank = evolve(good, voxels=np.zeros_like(good.voxels))
    with pytest.raises(GeometryError, match="2 slices"):
        align(good, thin)
    with pytest.raises(GeometryError, match="has no contrast"):
        align(blank, good)


def cut(volume: Volume, slices: int) -> Volume:
    shape = (slices, *volume.geometry.shape_kji[1:])
    return evolve(
        volume, geometry=evolve(volume.geometry, shape_kji=shape), voxels=volume.voxels[:slices]
    )


def test_a_lesion_outside_the_baseline_is_refused(lumbar: list[Scanned]) -> None:
    x, y, z = lumbar[0].centre_lps_mm
    with pytest.raises(GeometryError, match="outside the baseline"):
        align(lumbar[0].volume, lumbar[1].volume, centre_lps_mm=(x, y, z + 400))


def test_a_fit_travels_between_processes(fit: Fit) -> None:
    second_fit = pickle.loads(pickle.dumps(fit))  # noqa: S301 - our own bytes
    assert second_fit.verdict is fit.verdict
    np.testing.assert_array_equal(
        second_fit.baseline_from_followup.matrix, fit.baseline_from_followup.matrix
    )


def test_the_constants_that_a_stored_fit_depends_on_are_named() -> None:
    constants = list_parameters()
    assert constants["quality.good_margin"] > 0
    assert constants["search.grid_mm"] == 5.6
