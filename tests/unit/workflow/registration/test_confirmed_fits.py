"""Which fits a reader has confirmed, as decisions come and go."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from attrs import evolve

from opp_mri.domain.alignment import (
    Alignment,
    AlignmentDecision,
    FitDecision,
    select_confirmed_fits,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.store.sql import open_sqlite
from opp_mri.workflow.registration.fit_files import FitFormat, export_fits
from opp_mri.workflow.registration.visits import group_by_visit


def fit_with(verdict: Verdict = Verdict.GOOD, correction_mm: float | None = None) -> Fit:
    return Fit(
        baseline_from_followup=RigidTransform(
            to_frame_of_reference_uid="2.25.1", from_frame_of_reference_uid="2.25.2",
            matrix=np.eye(4),
        ),
        centre_lps_mm=(0.0, 0.0, 0.0), similarity_before=0.0, similarity=0.9, level_margin=0.2,
        runner_up_lps_mm=None, inverse_consistency_mm=0.1, block_residual_mm=0.1, overlap=1.0,
        verdict=verdict, reasons=("Because.",), correction_mm=correction_mm,
    )  # fmt: skip


FIRST = Alignment(
    fit_id="first", patient_id="P", lesion_id="OPP-01", sequence=SeriesRole.T1,
    baseline_volume_id="a", followup_volume_id="b", baseline_study_date=date(2020, 1, 1),
    followup_study_date=date(2020, 3, 1), brought_along=False, algorithm_version="1",
    parameters={}, fit=fit_with(), recorded_at=datetime(2020, 4, 1, tzinfo=UTC),
)  # fmt: skip
SECOND = evolve(FIRST, fit_id="second", algorithm_version="2")


def decided(fit_id: str, day: int, decision: FitDecision) -> AlignmentDecision:
    return AlignmentDecision(
        fit_id=fit_id, decision=decision, reader="A", recorded_at=datetime(2020, 5, day, tzinfo=UTC)
    )


def test_an_undecided_fit_is_not_confirmed() -> None:
    assert select_confirmed_fits([FIRST], {}) == []


def test_the_latest_decision_about_a_fit_counts() -> None:
    decisions = {
        "first": (
            decided("first", 1, FitDecision.CONFIRMED),
            decided("first", 2, FitDecision.REJECTED),
        )
    }
    assert select_confirmed_fits([FIRST], decisions) == []


def test_of_two_fits_of_the_same_volumes_the_latest_decision_counts() -> None:
    decisions = {
        "first": (decided("first", 1, FitDecision.CONFIRMED),),
        "second": (decided("second", 2, FitDecision.REJECTED),),
    }
    assert select_confirmed_fits([SECOND, FIRST], decisions) == []
    decisions["second"] = (decided("second", 2, FitDecision.CONFIRMED),)
    assert [fit.fit_id for fit in select_confirmed_fits([SECOND, FIRST], decisions)] == ["second"]


def test_two_lesions_on_the_same_volumes_are_decided_apart() -> None:
    other_lesion_fit = evolve(FIRST, fit_id="other", lesion_id="OPP-02")
    decisions = {
        "first": (decided("first", 1, FitDecision.CONFIRMED),),
        "other": (decided("other", 2, FitDecision.REJECTED),),
    }
    assert [fit.fit_id for fit in select_confirmed_fits([FIRST, other_lesion_fit], decisions)] == [
        "first"
    ]


def test_a_good_sequence_carries_the_visit_of_a_failed_one() -> None:
    failed_fit = evolve(FIRST, fit_id="t1", fit=fit_with(Verdict.FAILED))
    good = evolve(FIRST, fit_id="stir", sequence=SeriesRole.STIR, fit=fit_with(correction_mm=0.8))
    (visit,) = group_by_visit([failed_fit, good])
    assert visit.verdict is Verdict.GOOD
    assert visit.leading.fit_id == "stir"
    assert visit.describe_sequences() == "T1 failed 0.90, STIR good 0.90 (moved 0.8 mm)"


def test_a_sequence_in_another_frame_is_an_answer_of_its_own() -> None:
    elsewhere = RigidTransform(
        to_frame_of_reference_uid="2.25.1", from_frame_of_reference_uid="2.25.3", matrix=np.eye(4)
    )
    other_transform = evolve(
        FIRST, fit_id="o", fit=evolve(fit_with(), baseline_from_followup=elsewhere)
    )
    assert len(group_by_visit([FIRST, other_transform])) == 2


def test_a_fit_of_a_lesion_whose_name_is_a_path_stays_in_the_folder(tmp_path: Path) -> None:
    """Names of lesions come from tables, and so from other people."""
    store = open_sqlite(tmp_path / "store.sqlite", create=True)
    store.add_alignments([evolve(FIRST, lesion_id="../../elsewhere")])
    store.add_alignment_decision(decided("first", 1, FitDecision.CONFIRMED))
    (path,) = export_fits(store, tmp_path / "a" / "out", [FitFormat.TFM])
    store.close()
    assert path.parent == tmp_path / "a" / "out"
    assert list(tmp_path.rglob("*.tfm")) == [path]
