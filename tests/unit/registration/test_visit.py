"""The sequences of a visit lined up together, and each corrected alone."""

import numpy as np
import pytest
from attrs import evolve
from fixtures.registration_volumes import Scanned, scans_of, shifted

from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.errors import GeometryError
from opp_mri.phantom.cases import Visit
from opp_mri.phantom.protocol import GE, SIEMENS, SeriesKind
from opp_mri.registration.align import align_visit

MOVED_MM = 1.5  # the patient, between T1 and T2FS of the follow-up


@pytest.fixture(scope="module")
def visits() -> list[dict[SeriesKind, Scanned]]:
    return scans_of(
        1,
        (SeriesKind.T1, SeriesKind.T2FS),
        Visit(day=-9, ap_mm=15.0, scanner=SIEMENS),
        Visit(day=79, ap_mm=19.0, scanner=GE),
    )


def volumes(visit: dict[SeriesKind, Scanned]) -> list[Volume]:
    return [visit[kind].volume for kind in (SeriesKind.T1, SeriesKind.T2FS)]


@pytest.fixture(scope="module")
def fits(visits: list[dict[SeriesKind, Scanned]]) -> tuple[Fit, ...]:
    baseline, followup = visits
    t1, t2fs = volumes(followup)
    return align_visit(
        list(zip(volumes(baseline), (t1, shifted(t2fs, (0.0, 0.0, MOVED_MM))), strict=True)),
        centre_lps_mm=baseline[SeriesKind.T1].centre_lps_mm,
        lesion_radius_mm=baseline[SeriesKind.T1].radius_mm,
    )


def errors_mm(fit: Fit, baseline: Scanned, followup: Scanned) -> FloatArray:
    mapped_points = fit.baseline_from_followup.apply(followup.landmarks_lps_mm())
    errors: FloatArray = np.linalg.norm(mapped_points - baseline.landmarks_lps_mm(), axis=1)
    return errors


def test_each_sequence_of_a_visit_is_lined_up(
    fits: tuple[Fit, ...], visits: list[dict[SeriesKind, Scanned]]
) -> None:
    assert [fit.verdict for fit in fits] == [Verdict.GOOD, Verdict.GOOD]
    baseline, followup = (visit[SeriesKind.T1] for visit in visits)
    assert errors_mm(fits[0], baseline, followup).max() < 0.8


def test_a_patient_who_moved_between_two_sequences_is_corrected_for(fits: tuple[Fit, ...]) -> None:
    t1, t2fs = (fit.baseline_from_followup.invert().apply(np.zeros(3)) for fit in fits)
    assert t2fs[2] - t1[2] == pytest.approx(MOVED_MM, abs=0.6)
    corrections = [fit.correction_mm or 0.0 for fit in fits]
    assert sum(corrections) == pytest.approx(MOVED_MM, abs=0.8)


def test_the_level_is_that_of_the_visit(fits: tuple[Fit, ...]) -> None:
    assert fits[0].level_margin == fits[1].level_margin


def test_sequences_of_several_frames_are_refused_together(
    visits: list[dict[SeriesKind, Scanned]],
) -> None:
    t1, t2fs = volumes(visits[0])
    elsewhere = evolve(t2fs, geometry=evolve(t2fs.geometry, frame_of_reference_uid="2.25.9"))
    with pytest.raises(GeometryError, match="several frames of reference"):
        align_visit([(t1, t1), (elsewhere, elsewhere)])
