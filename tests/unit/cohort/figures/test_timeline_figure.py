"""What a timeline's picture shows, and what it may not do."""

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.cohort.figures.panels import TimelineMarks, sort_into_lanes
from opp_mri.cohort.figures.style import COLOURS, MARKERS
from opp_mri.cohort.figures.timeline_figure import draw_timeline, render_figure_svg, save_figure
from opp_mri.domain.assessment import Assessment, Criteria, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Observation,
    Timeline,
    TreatmentEvent,
    VolumeObservation,
)
from opp_mri.errors import InputError

Assess = Callable[..., Assessment]

VALUES = {
    EventKind.OTHER_BONE_LESIONS: "enlarged",
    EventKind.EXCLUSION: "hardware",
    EventKind.PATHOLOGY: "tumour",
}


def words(svg: str) -> str:
    root = ElementTree.fromstring(svg)  # noqa: S314, our own SVG
    return " ".join(root.itertext())


def test_the_title_says_lesion_level_category_reason_mode_and_criteria(
    timeline: Timeline, criteria: Criteria, assess: Assess
) -> None:
    text = words(
        render_figure_svg(
            draw_timeline(timeline, criteria, assessment=assess(timeline), level="T8")
        )
    )
    for expected in ("Lesion P01-A · T8", "OPP", "sustained decline", "retrospective · amini-2016"):
        assert expected in text


def test_axes_have_units_and_n_is_given(timeline: Timeline, criteria: Criteria) -> None:
    text = words(render_figure_svg(draw_timeline(timeline, criteria)))
    assert "greatest AP extent, mm" in text
    assert "weeks from completion of SSRS" in text
    assert "n = 10 lengths, 5 time points" in text


def test_volumes_have_a_panel_of_their_own_in_cc_with_interval_and_change(
    timeline: Timeline, criteria: Criteria
) -> None:
    volumes = {
        SeriesRole.T1: (
            VolumeObservation(days_from_ssrs=-7, volume_cc="4.00", standard_error_cc=0.25),
            VolumeObservation(days_from_ssrs=84, volume_cc="5.20"),
        )
    }
    with_volumes = evolve(timeline, volumes=volumes)
    figure = draw_timeline(with_volumes, criteria)
    assert len(figure.axes) == len(draw_timeline(timeline, criteria).axes) + 1
    panel = figure.axes[-1]
    assert panel.get_ylim()[0] == 0
    (bar,) = panel.containers[0].lines[2]
    (low, high) = bar.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((4 - 1.96 * 0.25, 4 + 1.96 * 0.25))
    text = words(render_figure_svg(figure))
    for expected in ("T1 volume", "+30% at week 12", "volume, cc", "4.00", "95% interval"):
        assert expected in text
    assert "n = 10 lengths, 2 volumes" in text
    alone = words(render_figure_svg(draw_timeline(evolve(with_volumes, observations={}), criteria)))
    assert "volume, cc" in alone
    assert "greatest AP extent" not in alone
    assert "nothing measured" not in alone


def test_every_sequence_has_a_panel_a_colour_and_a_marker_of_its_own(
    timeline: Timeline, criteria: Criteria
) -> None:
    assert len(draw_timeline(timeline, criteria).axes) == 2
    assert len(set(COLOURS.values())) == len(set(MARKERS.values())) == len(SeriesRole)


def test_all_panels_have_the_same_span_in_mm(timeline: Timeline, criteria: Criteria) -> None:
    large = tuple(evolve(o, ap_mm=o.ap_mm * 2) for o in timeline.observations[SeriesRole.T1])
    both_sequences = evolve(
        timeline, observations={**timeline.observations, SeriesRole.T2FS: large}
    )
    first, second = (axes.get_ylim() for axes in draw_timeline(both_sequences, criteria).axes)
    assert first[1] - first[0] == pytest.approx(second[1] - second[0])
    assert first != second


def test_the_band_lies_about_the_baseline_by_the_change_that_counts(
    timeline: Timeline, criteria: Criteria
) -> None:
    wide = evolve(criteria, change_mm=Decimal("3.0"))
    figure = draw_timeline(timeline, wide)
    axes = figure.axes[0]
    to_mm = axes.transData.inverted()
    spans = [patch.get_extents().transformed(to_mm) for patch in axes.patches]
    assert any((span.y0, span.y1) == (pytest.approx(14.3), pytest.approx(20.3)) for span in spans)
    assert "baseline ± 3.0 mm" in words(render_figure_svg(figure))


def test_a_study_between_the_fractions_is_no_baseline_without_an_assessment_either(
    criteria: Criteria,
) -> None:
    row = [Observation(day, mm) for day, mm in ((-20, "15.0"), (-3, "20.0"), (100, "21.0"))]
    timeline = Timeline(
        lesion_id="a", first_fraction_day=-9, observations={SeriesRole.T1: tuple(row)}
    )
    panel = draw_timeline(timeline, criteria).axes[0]
    to_mm = panel.transData.inverted()
    spans = [patch.get_extents().transformed(to_mm) for patch in panel.patches]
    assert any((span.y0, span.y1) == (pytest.approx(13), pytest.approx(17)) for span in spans)


def test_peak_and_last_change_stand_above_the_panel_with_their_weeks(
    timeline: Timeline, criteria: Criteria, assess: Assess
) -> None:
    text = words(render_figure_svg(draw_timeline(timeline, criteria, assessment=assess(timeline))))
    assert "+5.1 mm at week 12, −0.2 mm at week 37" in text
    assert "OPP, decides" in text


def test_without_an_assessment_the_picture_says_so(timeline: Timeline, criteria: Criteria) -> None:
    assert "not classified" in words(render_figure_svg(draw_timeline(timeline, criteria)))


def test_a_discordant_lesion_is_called_discordant(
    timeline: Timeline, criteria: Criteria, assess: Assess
) -> None:
    figure = draw_timeline(timeline, criteria, assessment=assess(timeline, discordant=True))
    assert "OPP, discordant" in words(render_figure_svg(figure))


def test_a_lesion_without_a_length_is_drawn_and_says_that_nothing_was_measured(
    criteria: Criteria,
) -> None:
    text = words(render_figure_svg(draw_timeline(Timeline(lesion_id="P06"), criteria)))
    assert "nothing measured" in text
    assert "n = 0 lengths, 0 time points" in text


def test_imported_and_missing_lengths_are_marked_and_explained(
    timeline: Timeline, criteria: Criteria
) -> None:
    marks = TimelineMarks(imported=[(SeriesRole.T1, -9)], not_measurable=[(SeriesRole.STIR, 60)])
    figure = draw_timeline(timeline, criteria, marks=marks)
    text = words(render_figure_svg(figure))
    assert "imported length" in text
    assert "not measurable" in text
    assert len(figure.axes) == 3  # a sequence that was never measurable has its panel too
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 1


def test_lengths_after_a_retreatment_are_faint_and_not_joined(
    timeline: Timeline, criteria: Criteria
) -> None:
    retreatment_days = evolve(timeline, events=(TreatmentEvent(180, EventKind.LOCAL_RETREATMENT),))
    figure = draw_timeline(retreatment_days, criteria)
    joining_lines = [
        line
        for line in figure.axes[0].lines
        if line.get_linestyle() == "-" and line.get_color() == COLOURS[SeriesRole.T1]
    ]
    assert max(joining_lines[0].get_xdata()) == pytest.approx(171 / 7)
    assert "left out after retreatment" in words(render_figure_svg(figure))


def test_events_are_named_in_words(timeline: Timeline, criteria: Criteria) -> None:
    events = (
        TreatmentEvent(90, EventKind.SYSTEMIC_THERAPY_CHANGE, "anything at all"),
        TreatmentEvent(90, EventKind.OTHER_BONE_LESIONS, "not_enlarged"),
        TreatmentEvent(100, EventKind.FRACTURE),
    )
    text = words(render_figure_svg(draw_timeline(evolve(timeline, events=events), criteria)))
    for expected in ("systemic therapy changed", "other bone lesions not enlarged", "fracture"):
        assert expected in text
    assert "anything" not in text


@given(
    days=st.lists(
        st.tuples(st.integers(-200, 800), st.sampled_from(EventKind)), max_size=8, unique=True
    )
)
def test_labels_of_events_in_one_lane_are_never_nearer_than_their_words_are_long(
    days: list[tuple[int, EventKind]],
) -> None:
    events = [
        TreatmentEvent(day, kind, VALUES.get(kind, ""))
        for day, kind in days
        if day > 0 or kind is not EventKind.LOCAL_RETREATMENT
    ]
    labels = sort_into_lanes(events, Criteria(name="any"), (-30.0, 120.0))
    for combination, other_combination in combinations(
        (label for label in labels if label.runs_right), 2
    ):
        if combination.lane == other_combination.lane:
            left = min(combination, other_combination, key=lambda label: label.week)
            assert (
                abs(combination.week - other_combination.week) > len(left.text) * 0.06 * 150 / 5.56
            )


def test_labels_of_lengths_do_not_lie_on_one_another(criteria: Criteria) -> None:
    crowded_studies = tuple(Observation(day, Decimal(10 + day % 3)) for day in range(-6, 180, 6))
    figure = draw_timeline(
        Timeline(lesion_id="P", observations={SeriesRole.T1: crowded_studies}), criteria
    )
    figure.draw_without_rendering()
    boxes = [
        text.get_window_extent()
        for text in figure.axes[0].texts
        if re.fullmatch(r"\d+\.\d", text.get_text())
    ]
    assert len(boxes) > 5
    assert not [
        1
        for combination, other_combination in combinations(boxes, 2)
        if combination.overlaps(other_combination)
    ]


def test_a_dollar_sign_or_markup_in_a_name_is_only_a_name(criteria: Criteria) -> None:
    svg = render_figure_svg(draw_timeline(Timeline(lesion_id="$x_1$ <b>&"), criteria))
    assert "Lesion $x_1$ <b>&" in words(svg)
    assert "<b>" not in svg


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_timeline_gives_the_same_bytes(
    suffix: str, tmp_path: Path, timeline: Timeline, criteria: Criteria
) -> None:
    first_path, second_path = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    for path in (first_path, second_path):
        save_figure(draw_timeline(timeline, criteria), path)
    assert first_path.read_bytes() == second_path.read_bytes()
    assert first_path.stat().st_size > 5000


def test_another_suffix_is_refused_with_those_that_will_do(
    tmp_path: Path, timeline: Timeline, criteria: Criteria
) -> None:
    with pytest.raises(InputError, match=r"\.svg, \.png or \.pdf"):
        save_figure(draw_timeline(timeline, criteria), tmp_path / "timeline.bmp")


def test_a_folder_that_is_not_there_is_an_error_that_says_so(
    tmp_path: Path, timeline: Timeline, criteria: Criteria
) -> None:
    with pytest.raises(InputError, match="name a folder that exists"):
        save_figure(draw_timeline(timeline, criteria), tmp_path / "absent" / "timeline.svg")


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were(
    timeline: Timeline, criteria: Criteria
) -> None:
    before = dict(matplotlib.rcParams)
    render_figure_svg(draw_timeline(timeline, criteria))
    assert dict(matplotlib.rcParams) == before


def test_a_users_own_settings_do_not_change_the_picture(
    timeline: Timeline, criteria: Criteria
) -> None:
    plain = render_figure_svg(draw_timeline(timeline, criteria))
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        assert render_figure_svg(draw_timeline(timeline, criteria)) == plain


def test_a_long_name_is_shortened_and_never_runs_into_the_category(
    timeline: Timeline, criteria: Criteria, assess: Assess
) -> None:
    long = evolve(timeline, lesion_id="W" * 60)
    result = assess(long, discordant=True, category=ResponseCategory.INDETERMINATE)
    figure = draw_timeline(long, criteria, assessment=result, level="T13")
    figure.draw_without_rendering()
    titles = [text for text in figure.texts if text.get_fontsize() == 12]
    name, category = (text.get_window_extent() for text in titles)
    assert "… · T13" in titles[0].get_text()
    assert not name.overlaps(category)


def test_no_text_runs_out_of_the_sheet(
    timeline: Timeline, criteria: Criteria, assess: Assess
) -> None:
    events = tuple(TreatmentEvent(255, kind, VALUES.get(kind, "")) for kind in EventKind)
    crowded_timeline = evolve(
        timeline, lesion_id="a name that is far longer than it need be", events=events
    )
    figure = draw_timeline(
        crowded_timeline, criteria, assessment=assess(crowded_timeline, discordant=True), level="T8"
    )
    figure.draw_without_rendering()
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    spans = {text.get_text(): text.get_window_extent().intervalx for text in texts}
    left, right = figure.bbox.intervalx
    outside = [word for word, (start, end) in spans.items() if start < left or end > right]
    assert outside == []
