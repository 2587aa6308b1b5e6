"""What holds for every figure of a cohort."""

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest
from attrs import evolve
from fixtures.cohort_makers import make_cohort, suppress_alone
from fixtures.figure_checks import bytes_of, colliding_texts, cut_texts, smallest_type, words_of
from matplotlib.figure import Figure

from opp_mri.cohort.figures.flow_figure import draw_flow
from opp_mri.cohort.figures.forest_figure import ForestRow, draw_forest
from opp_mri.cohort.figures.growth_figure import draw_growth
from opp_mri.cohort.figures.incidence_figure import draw_incidence
from opp_mri.cohort.figures.sequences_figure import draw_sequence_agreement, pair_sequences
from opp_mri.cohort.figures.sheet import DOUBLE_IN, SINGLE_IN
from opp_mri.cohort.figures.spider_figure import draw_spider
from opp_mri.cohort.figures.style import (
    ARMS,
    CATEGORY_COLOURS,
    CATEGORY_MARKERS,
    COLOURS,
    OTHER_ARMS,
)
from opp_mri.cohort.figures.survival_figure import draw_survival
from opp_mri.cohort.figures.swimmer_figure import draw_swimmer
from opp_mri.cohort.figures.time_axis import TimeUnit
from opp_mri.cohort.figures.timeline_figure import save_figure
from opp_mri.cohort.figures.waterfall_figure import draw_waterfall
from opp_mri.cohort.statistics.events import Cause, find_first_event, gather_events, is_at_risk
from opp_mri.cohort.statistics.members import classify_fractions
from opp_mri.cohort.statistics.survival import EventEstimate, Observed, log_rank
from opp_mri.cohort.tables.tables import tabulate_flow
from opp_mri.domain.assessment import Mode, ResponseCategory
from opp_mri.response.assessed import AssessedLesion

Cohort = tuple[AssessedLesion, ...]
CAUSES = {1: Cause.OPP, 2: Cause.LOCAL_FAILURE, 3: Cause.DEATH}


def observed_of(cohort: Cohort) -> Observed | None:
    """The first event of each lesion by fractionation; None where no lesion is at risk."""
    numbers = {Cause.CENSORED: 0} | {cause: number for number, cause in CAUSES.items()}
    rows = [
        (find_first_event(gather_events(lesion)), lesion) for lesion in cohort if is_at_risk(lesion)
    ]
    if not rows:
        return None
    return Observed(
        duration_days=[day for (day, _), _ in rows],
        event=[cause is Cause.OPP for (_, cause), _ in rows],
        cause=[numbers[cause] for (_, cause), _ in rows],
        group=[classify_fractions(row.lesion).value for _, row in rows],
    )


def survival(cohort: Cohort, **options: object) -> Figure:
    observed = observed_of(cohort)
    test = None if observed is None else log_rank(observed)
    return draw_survival(observed, "OPP", test=test, **options)


def ungrouped_incidence(cohort: Cohort) -> Figure:
    observed = observed_of(cohort)
    alone = None if observed is None else evolve(observed, group=None)
    return draw_incidence(alone, CAUSES, unit=TimeUnit.MONTHS)


def forest(cohort: Cohort) -> Figure:
    n = len(cohort)
    ratios = [
        EventEstimate(value=0.4, low=0.0, high=2.5, n=n, events=5),
        EventEstimate(value=14.2, low=1.6, high=float("inf"), n=n, events=5),
        EventEstimate(value=None, n=n, events=0, reason="All events are in one arm."),
    ]
    rows = [ForestRow(label=f"comparison {i}", ratio=ratio) for i, ratio in enumerate(ratios)]
    return draw_forest(rows if cohort else [], "OPP")


FIGURES: dict[str, Callable[[Cohort], Figure]] = {
    "growth": draw_growth,
    "growth of PD": lambda cohort: draw_growth(cohort, ResponseCategory.PD),
    "spider": draw_spider,
    "swimmer": draw_swimmer,
    "waterfall": draw_waterfall,
    "waterfall in one column": lambda cohort: draw_waterfall(cohort, SINGLE_IN),
    "survival": survival,
    "survival in one column": lambda cohort: survival(cohort, width_in=SINGLE_IN),
    "incidence": lambda cohort: draw_incidence(observed_of(cohort), CAUSES),
    "incidence of all": ungrouped_incidence,
    "sequences": lambda cohort: draw_sequence_agreement(pair_sequences(cohort), 2.0),
    "flow": lambda cohort: draw_flow(tabulate_flow(cohort)),
    "flow with small counts withheld": lambda cohort: draw_flow(
        suppress_alone(tabulate_flow(cohort))
    ),
    "forest": forest,
}
COHORTS: dict[str, Cohort] = {
    "few dozen": make_cohort(48),
    "as known today": make_cohort(70, seed=1, mode=Mode.PROSPECTIVE),
    "three": make_cohort(3),
    "one": make_cohort(1),
    "some hundred": make_cohort(250, seed=5),
    "none": (),
    "none analysed": tuple(
        lesion
        for lesion in make_cohort(48)
        if lesion.assessment.category is ResponseCategory.NOT_ELIGIBLE
    ),
}
every_figure = pytest.mark.parametrize("name", FIGURES)
every_cohort = pytest.mark.parametrize("cohort", COHORTS.values(), ids=COHORTS)


@every_cohort
@every_figure
def test_every_word_is_on_the_sheet_apart_from_others_and_of_7_points_or_more(
    name: str, cohort: Cohort
) -> None:
    figure = FIGURES[name](cohort)
    assert cut_texts(figure) == []
    assert colliding_texts(figure) == []
    assert smallest_type(figure) >= 7
    assert figure.get_figwidth() in (SINGLE_IN, DOUBLE_IN)
    assert figure.get_figheight() < 9.7  # a page


@every_figure
def test_an_empty_cohort_gives_a_sentence_and_no_axes(name: str) -> None:
    figure = FIGURES[name](())
    assert figure.axes == []
    assert re.fullmatch(r"(There is no|No) .*\.", words_of(figure))


@every_figure
def test_no_figure_names_a_lesion_or_a_patient(name: str) -> None:
    words = words_of(FIGURES[name](COHORTS["few dozen"]))
    assert not re.search(r"[LP]\d{5}", words)


@every_figure
def test_every_figure_says_how_many_lesions(name: str) -> None:
    assert re.search(r"\d lesions|Lesions .* 48", words_of(FIGURES[name](COHORTS["few dozen"])))


@pytest.mark.parametrize(
    ("name", "suffix"),
    [*((name, ".svg") for name in FIGURES), ("swimmer", ".png"), ("spider", ".pdf")],
)
def test_the_same_cohort_gives_the_same_bytes(name: str, suffix: str) -> None:
    cohort = COHORTS["few dozen"][:20]
    first_bytes, second_bytes = (bytes_of(FIGURES[name](cohort), suffix) for _ in range(2))
    assert first_bytes == second_bytes
    assert len(first_bytes) > 4000


@pytest.mark.parametrize(
    "name", ["growth", "spider", "swimmer", "waterfall", "survival", "incidence", "sequences"]
)
def test_thousands_of_lesions_give_an_svg_of_sensible_size(name: str) -> None:
    svg = bytes_of(FIGURES[name](_thousands()), ".svg")
    assert 5_000 < len(svg) < 2_000_000


def _thousands() -> Cohort:
    """The same few hundred again and again: drawing does not care that they are alike."""
    return COHORTS["some hundred"] * 12


@every_figure
def test_a_users_own_settings_do_not_change_the_figure(name: str) -> None:
    cohort = COHORTS["three"]
    plain = bytes_of(FIGURES[name](cohort), ".svg")
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        before = dict(matplotlib.rcParams)
        assert bytes_of(FIGURES[name](cohort), ".svg") == plain
        assert dict(matplotlib.rcParams) == before


def test_a_figure_of_a_cohort_is_saved_like_any_other(tmp_path: Path) -> None:
    save_figure(draw_spider(COHORTS["few dozen"]), tmp_path / "spider.svg")
    svg = (tmp_path / "spider.svg").read_text()
    assert "change from baseline, mm" in svg  # text stays text


def test_the_text_of_a_pdf_is_of_a_font_that_journals_take(tmp_path: Path) -> None:
    save_figure(draw_spider(COHORTS["three"]), tmp_path / "spider.pdf")
    pdf = (tmp_path / "spider.pdf").read_bytes()
    assert b"/Type3" not in pdf
    assert b"/CIDFontType2" in pdf


def test_each_category_has_a_colour_and_a_marker_of_its_own_and_no_sequences_colour() -> None:
    assert len(set(CATEGORY_COLOURS.values())) == len(ResponseCategory)
    assert len(set(CATEGORY_MARKERS.values())) == len(ResponseCategory)
    assert not set(CATEGORY_COLOURS.values()) & set(COLOURS.values())
    styles = [str(style) for style in (*ARMS.values(), *OTHER_ARMS)]
    assert len(set(styles)) == len(styles)
