"""The figures of a cohort, each with its name, its words and the lesions that it is drawn from."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from typing import Final

from attrs import evolve, field, frozen
from matplotlib.figure import Figure

from opp_mri.agreement.lengths import compute_bland_altman
from opp_mri.cohort.figures.flow_figure import draw_flow
from opp_mri.cohort.figures.forest_figure import ForestRow, draw_forest
from opp_mri.cohort.figures.growth_figure import draw_growth
from opp_mri.cohort.figures.incidence_figure import draw_incidence
from opp_mri.cohort.figures.sequences_figure import (
    SequencePair,
    draw_sequence_agreement,
    pair_sequences,
)
from opp_mri.cohort.figures.spider_figure import draw_spider
from opp_mri.cohort.figures.survival_figure import draw_survival
from opp_mri.cohort.figures.swimmer_figure import draw_swimmer
from opp_mri.cohort.figures.timeline_figure import extract_svg_element, render_figure
from opp_mri.cohort.figures.waterfall_figure import draw_waterfall
from opp_mri.cohort.statistics.analysis import CAUSES
from opp_mri.cohort.statistics.covariates import Covariate, Model
from opp_mri.cohort.statistics.events import Endpoint
from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.cohort.statistics.results import CohortAnalysis, EndpointAnalysis
from opp_mri.cohort.statistics.survival import EventEstimate
from opp_mri.cohort.tables.analysis_cells import EVENT_WORDS
from opp_mri.cohort.tables.tables import Table
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import format_count

COMPARED: Final = {
    Covariate.AGE: "age, per year",
    Covariate.DOSE: "dose, per Gy",
    Covariate.RADIOSENSITIVE: "radiosensitive versus radioresistant histology",
    Covariate.THORACIC: "thoracic versus cervical and lumbar level",
    Covariate.SINGLE_FRACTION: "single fraction versus multifraction",
    Covariate.SINS: "SINS, per point",
    Covariate.EPIDURAL: "epidural disease before treatment versus none",
}
TOLD_DAYS: Final = (182, 364)  # on which the words next to a curve give its share


@frozen(kw_only=True)
class Picture:
    """A figure of a cohort, drawn when it is asked for.

    Parameters
    ----------
    name
        Of its file, without a suffix.
    title
        What it shows, with units.
    draw
        Draws it.
    description
        What is seen, with the numbers, for who cannot see it.
    lesion_ids
        The lesions that it is drawn from.
    from_tables
        True where it shows no more than the tables next to it.
    """

    name: str
    title: str
    draw: Callable[[], Figure]
    description: str
    lesion_ids: tuple[str, ...]
    from_tables: bool = False
    _contents: dict[str, bytes] = field(factory=dict, init=False, eq=False, repr=False)

    def render_content(self, suffix: str) -> bytes:
        """Return the bytes of its file, `.svg`, `.pdf` or `.png`: each is rendered once."""
        if suffix not in self._contents:
            self._contents[suffix] = render_figure(self._figure, suffix)
        return self._contents[suffix]

    @property
    def svg(self) -> str:
        """The text of its SVG element, for use in a page."""
        return extract_svg_element(self.render_content(".svg"))

    @cached_property
    def _figure(self) -> Figure:
        return self.draw()


def build_flow_picture(lesions: Sequence[AssessedLesion], flow: Table) -> Picture:
    """Return the flow diagram of screening; it withholds what its table does."""
    return Picture(
        name="flow",
        title="Screening and flow, lesions",
        draw=partial(draw_flow, flow),
        description="The counts of the table of screening, from all lesions to the responses.",
        lesion_ids=_list_ids(lesions),
        from_tables=True,
    )


def build_course_pictures(
    lesions: Sequence[AssessedLesion], change_mm: float
) -> tuple[Picture, ...]:
    """Return the figures of how lesions changed: OPP by sequence, all, last change, sequences."""
    eligible = select_eligible(lesions)
    opp = [lesion for lesion in eligible if lesion.assessment.category is ResponseCategory.OPP]
    n_eligible = len(eligible)
    pairs = [_with_limits(pair) for pair in pair_sequences(lesions)]
    return (
        Picture(
            name="growth-opp",
            title="Growth and decline of OPP lesions by sequence, mm by week",
            draw=partial(draw_growth, lesions),
            description=f"A line for each of {len(opp)} OPP lesions on each of its sequences.",
            lesion_ids=_list_ids(opp),
        ),
        Picture(
            name="spider",
            title="Change from baseline by category, mm by week",
            draw=partial(draw_spider, lesions),
            description=f"A line for each of {n_eligible} lesions on its deciding sequence.",
            lesion_ids=_list_ids(eligible),
        ),
        Picture(
            name="waterfall",
            title="Change from baseline at the last follow-up, mm",
            draw=partial(draw_waterfall, lesions),
            description=f"A bar for each of {n_eligible} lesions on its deciding sequence.",
            lesion_ids=_list_ids(eligible),
        ),
        Picture(
            name="swimmer",
            title="Course of each lesion by category, weeks",
            draw=partial(draw_swimmer, lesions),
            description=f"A bar for each of {n_eligible} lesions from SSRS to its last follow-up.",
            lesion_ids=_list_ids(eligible),
        ),
        Picture(
            name="sequences",
            title="Change on one sequence against another at the same visits, mm",
            draw=partial(draw_sequence_agreement, pairs, change_mm),
            description=" ".join(map(_pair_in_words, pairs)) or "No visit has two sequences.",
            lesion_ids=_list_ids(eligible),
        ),
    )


def build_event_pictures(analysis: CohortAnalysis) -> tuple[Picture, ...]:
    """Return the figures of time to events: curves, incidence of the first event, hazard ratios."""
    ids = _list_ids(analysis.lesions)
    curves = [
        Picture(
            name=endpoint_analysis.endpoint.value.replace("_", "-"),
            title=f"Share without {EVENT_WORDS[endpoint_analysis.endpoint]}, by fractionation",
            draw=partial(
                draw_survival,
                endpoint_analysis.comparison.observed,
                EVENT_WORDS[endpoint_analysis.endpoint],
                test=endpoint_analysis.comparison.log_rank,
            ),
            description=_describe_curves(endpoint_analysis),
            lesion_ids=ids,
        )
        for endpoint_analysis in analysis.endpoints
        if endpoint_analysis.events or endpoint_analysis.endpoint is not Endpoint.FRACTURE_FREE
    ]
    forests = [
        Picture(
            name=f"hazards-{EVENT_WORDS[endpoint_analysis.endpoint].lower().replace(' ', '-')}",
            title=f"Hazard ratios of {EVENT_WORDS[endpoint_analysis.endpoint]}",
            draw=partial(
                draw_forest,
                list(generate_forest_rows(endpoint_analysis)),
                EVENT_WORDS[endpoint_analysis.endpoint],
            ),
            description="The hazard ratios of the table, each with its interval.",
            lesion_ids=ids,
        )
        for endpoint_analysis in analysis.modelled
    ]
    incidence = Picture(
        name="incidence",
        title="Cumulative incidence of the first event: OPP, local failure or death",
        draw=partial(
            draw_incidence,
            analysis.first,
            dict(enumerate(CAUSES, 1)),
            has_died=[events.death_day is not None for events in analysis.lesion_events],
        ),
        description="The share of lesions with each event first; the others compete with it.",
        lesion_ids=ids,
    )
    return (*curves, incidence, *forests)


def _list_ids(lesions: Iterable[AssessedLesion]) -> tuple[str, ...]:
    return tuple(lesion.lesion.lesion_id for lesion in lesions)


def _with_limits(pair: SequencePair) -> SequencePair:
    altman = compute_bland_altman(pair.differences_mm)
    lower, mean, upper = altman.lower_mm.value, altman.bias_mm.value, altman.upper_mm.value
    if lower is None or mean is None or upper is None:
        return pair
    return evolve(pair, limits_mm=(lower, mean, upper))


def _pair_in_words(pair: SequencePair) -> str:
    visits = format_count(len(pair.points), "visit")
    n = f"{pair.first.value} and {pair.second.value}: {visits}"
    if pair.limits_mm is None:
        return f"{n}."
    lower, mean, upper = pair.limits_mm
    return (
        f"{n}, mean difference of the changes {mean:.1f} mm, limits of agreement {lower:.1f} to "
        f"{upper:.1f} mm."
    )


def _describe_curves(analysis: EndpointAnalysis) -> str:
    sentences = [
        f"{arm.group}, week {day // 7}: {_format_percent(arm.curve.read_share(day))}"
        for arm in analysis.comparison.arms
        for day in TOLD_DAYS
    ]
    test = analysis.comparison.log_rank
    if test.p is not None:
        sentences.append(f"log-rank p = {test.p:.4f}")
    return f"Share without {EVENT_WORDS[analysis.endpoint]}. {'; '.join(sentences)}."


def _format_percent(share: EventEstimate) -> str:
    if share.value is None:
        return "not followed so long"
    interval = (
        f" (95% interval {share.low:.0%} to {share.high:.0%})"
        if share.low is not None and share.high is not None
        else ""
    )
    return f"{share.value:.0%}{interval}"


def generate_forest_rows(analysis: EndpointAnalysis) -> Iterable[ForestRow]:
    """Yield the ratios of each covariate alone, then those of one model of all, if fitted.

    Of Cox's model each ratio has the errors that hold.
    """
    together = analysis.multivariable
    groups = [("One covariate at a time", analysis.models)]
    if together is not None and together.reason is None:
        groups.append(("All covariates in one model", (together,)))
    for heading, models in groups:
        for model in models:
            yield from _generate_ratios(model, heading)


def _generate_ratios(model: Model, heading: str) -> Iterable[ForestRow]:
    ratios = model.choose_errors()
    if model.firth is not None and model.firth.reason is None:
        ratios += [(model.firth, hazard) for hazard in model.firth.hazards]
    if not ratios:
        reason = next(
            (fit.reason for fit in (model.firth, model.cox) if fit is not None and fit.reason),
            model.reason,
        )
        no_estimate = EventEstimate(value=None, n=model.n, events=model.events, reason=reason)
        label = ", ".join(COMPARED[covariate] for covariate in model.covariates)
        yield ForestRow(label=label, ratio=no_estimate, heading=heading)
        return
    names = {covariate.value: COMPARED[covariate] for covariate in model.covariates}
    for regression, hazard in ratios:
        by = "lesion" if regression.patients is None else "patient"
        yield ForestRow(
            label=names[hazard.covariate],
            ratio=hazard.ratio,
            p=hazard.p,
            model=f"{'Firth' if regression.model == 'firth' else 'Cox'}, by {by}",
            heading=heading,
        )
