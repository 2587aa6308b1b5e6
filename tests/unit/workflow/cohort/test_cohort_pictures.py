"""A figure of a cohort is drawn once, whatever files are made of it."""

from datetime import date

from attrs import evolve
from fixtures.cohort_courses import COURSES, cohort_lesion, lesions_of_the_paper
from fixtures.figure_checks import words_of
from matplotlib.figure import Figure

from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.workflow.cohort.cohort_pictures import (
    COMPARED,
    Picture,
    build_event_pictures,
    generate_forest_rows,
)


def test_page_and_files_share_one_drawing_and_one_rendering() -> None:
    figures: list[Figure] = []

    def draw() -> Figure:
        figures.append(Figure())
        return figures[-1]

    picture = Picture(name="a", title="A", draw=draw, description="Nothing.", lesion_ids=())
    assert picture.svg.startswith("<svg")
    assert picture.render_content(".svg").decode().endswith(picture.svg)
    assert picture.render_content(".svg") is picture.render_content(".svg")
    assert picture.render_content(".pdf").startswith(b"%PDF")
    assert len(figures) == 1


def test_with_few_events_the_wider_of_both_errors_is_drawn_and_named() -> None:
    """37 lesions of 36 patients, five events: simulated, errors by patient hold 92 of 95%."""
    analysis = analyse(lesions_of_the_paper())
    rows = {row.label: row for row in generate_forest_rows(analysis.opp_free)}
    for model in analysis.opp_free.models[:-1]:
        by_patient, by_lesion = model.cox.hazards[0], model.cox_by_lesion.hazards[0]
        wider = max(by_patient, by_lesion, key=lambda hazard: hazard.standard_error)
        row = rows[COMPARED[model.covariates[0]]]
        assert (row.ratio, row.p) == (wider.ratio, wider.p)
        assert row.model == f"Cox, by {'lesion' if wider is by_lesion else 'patient'}"
    assert "Cox, by lesion" in {row.model for row in rows.values()}
    figure = next(p for p in build_event_pictures(analysis) if p.name == "hazards-opp").draw()
    assert "too small with fewer than 20 events or 50 patients" in " ".join(
        words_of(figure).split()
    )


def test_with_enough_events_and_patients_errors_are_by_patient() -> None:
    model = analyse(lesions_of_the_paper()).opp_free.models[0]
    enough = evolve(model, cox=evolve(model.cox, patients=50, events=20))
    few_patients = evolve(model, cox=evolve(model.cox, patients=49, events=20))
    few_events = evolve(model, cox=evolve(model.cox, patients=50, events=19))
    assert not enough.cox.is_error_too_small
    assert few_patients.cox.is_error_too_small
    assert few_events.cox.is_error_too_small
    assert not model.cox_by_lesion.is_error_too_small
    assert enough.choose_errors() == [(enough.cox, enough.cox.hazards[0])]


def test_deaths_after_the_first_event_are_named_in_the_figure_of_incidence() -> None:
    lesions = [
        cohort_lesion(t1=COURSES[ResponseCategory.PD], lesion_id="A", death_date=date(2024, 12, 1)),
        cohort_lesion(lesion_id="B"),
    ]
    incidence = next(p for p in build_event_pictures(analyse(lesions)) if p.name == "incidence")
    words = " ".join(words_of(incidence.draw()).split())
    assert "death: 0 events" in words
    assert "as the patient died later: 1 lesion after OPP or local failure." in words
