"""Two readers' contours held against each other: the numbers of a study of known squares."""

from pathlib import Path

import pytest
from fixtures.contour_makers import draw_and_sign
from fixtures.small_study import make_study

from opp_mri.domain.assessment import Mode, Rules
from opp_mri.errors import InputError
from opp_mri.response.criteria import load_criteria
from opp_mri.workflow.double_read.agreement import measure_agreement
from opp_mri.workflow.double_read.agreement_json import build_agreement_json
from opp_mri.workflow.project import open_project

PIXEL_MM2 = 2.0 * 2.0


def test_squares_of_two_readers_have_the_overlap_and_the_difference_of_geometry(
    tmp_path: Path,
) -> None:
    rules = Rules(criteria=load_criteria("amini-2016"), mode=Mode.RETROSPECTIVE)
    with open_project(make_study(tmp_path, ["P1", "P2", "P3"])) as project:
        with pytest.raises(InputError, match="two readers"):
            measure_agreement(project, (), rules)
        for number, patient in enumerate(("P1", "P2", "P3")):
            draw_and_sign(project, f"L{patient}", "A", [6.0])
            draw_and_sign(project, f"L{patient}", "B", [6.0, 4.0], column=1.5 + number)
        agreement = measure_agreement(project, (), rules)
        (lesion, *_) = project.store.get_lesions()
        cell_volume = project.store.get_volumes([lesion.patient_id])[0]
    t1, overall = agreement.volumes
    assert (t1.name, overall.name) == ("T1", "overall")
    assert (t1.lesions, t1.pairs, t1.compared) == (3, 3, 3)  # what one alone drew is no pair
    assert t1.bias_cc.value == 0
    assert t1.dice.value == pytest.approx((1 + 5 / 6 + 4 / 6) / 3)
    assert t1.dice.high is not None
    assert t1.dice.high <= 1
    first = t1.volumes[0]
    slice_mm = cell_volume.slice_spacing_mm
    assert slice_mm is not None
    assert first.first_cc == pytest.approx(3 * 36 * PIXEL_MM2 * slice_mm / 1000, abs=0.005)
    assert first.overlap is not None
    assert first.overlap.hausdorff_mm == 0
    assert t1.volumes[2].overlap is not None
    assert t1.volumes[2].overlap.hausdorff_mm == pytest.approx(2 * 2.0)  # two pixels
    record = build_agreement_json(agreement)["volumes"]["T1"]
    assert record["pairs_on_one_series"] == 3
    assert record["bias_cc"]["value"] == 0
