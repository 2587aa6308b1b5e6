"""Hazard ratios of a cohort as a table: a line for each covariate of each model."""

from typing import Final

import numpy as np

from opp_mri.cohort.analysis import CohortAnalysis, EndpointAnalysis
from opp_mri.cohort.analysis_cells import (
    ENDPOINT_WORDS,
    NONE,
    TIME_KNOWN,
    Rows,
    p_text,
    remark,
    statistic,
)
from opp_mri.cohort.covariates import Covariate, Model, covariate_of
from opp_mri.cohort.hazards import Hazard, Regression, Trend
from opp_mri.cohort.members import UNKNOWN, Radiosensitivity, Region
from opp_mri.cohort.survival import Estimate
from opp_mri.cohort.tables import AGE_KNOWN, Cell, Sum, Table

COVARIATE_WORDS: Final = {
    Covariate.AGE: "Age, per year",
    Covariate.DOSE: "Dose, per Gy",
    Covariate.RADIOSENSITIVE: "Radiosensitive against radioresistant",
    Covariate.THORACIC: "Thoracic against cervical and lumbar",
    Covariate.SINGLE_FRACTION: "Single fraction against multifraction",
}
_PARTS: Final = {  # of a count, by what the other tables count
    Covariate.AGE: ((AGE_KNOWN,), (f"age.{UNKNOWN}",)),
    Covariate.RADIOSENSITIVE: (
        (f"radiosensitivity.{Radiosensitivity.RADIOSENSITIVE}",
         f"radiosensitivity.{Radiosensitivity.RADIORESISTANT}"),
        (f"radiosensitivity.{UNKNOWN}",),
    ),
    Covariate.THORACIC: (
        tuple(f"level.{one}" for one in Region if one is not Region.SACRAL),
        (f"level.{Region.SACRAL}",),
    ),
}  # fmt: skip


def hazard_table(analysis: CohortAnalysis, endpoint: EndpointAnalysis) -> Table:
    """Show the hazard ratio of each covariate alone and of all together, with its checks."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    for model in endpoint.models:
        slug = model.covariates[0].name.lower()
        keys = _Keys(endpoint, slug, f"model.{slug}")
        lines += _model_lines(analysis, rows, endpoint, model, keys, "alone")
        sums += keys.sums(endpoint)
        if analysis.n == analysis.eligible:
            parts = _PARTS.get(model.covariates[0], ())
            sums += [(key, *one) for key, one in zip((keys.n, keys.left_out), parts, strict=False)]
    keys = _Keys(endpoint, "together", f"{endpoint.endpoint}.together")
    lines += _model_lines(analysis, rows, endpoint, endpoint.multivariable, keys, "together")
    sums += keys.sums(endpoint)
    return Table(
        title=f"Hazard ratios, {ENDPOINT_WORDS[endpoint.endpoint]} time",
        columns=("Covariate", "Model", "Lesions", "Events", "Left out", "Events left out",
                 "Hazard ratio (95 %)", "p", "p of the check", "Remark"),
        rows=tuple(lines),
        notes=(
            "The covariates of Table 2 of Amini 2016. Cox's model, ties by Efron, interval and p "
            "by Wald; errors by patient (Lin and Wei 1989) where a patient has several lesions.",
            "Firth's penalised likelihood (Heinze and Schemper 2001) is finite where all events "
            "are in one arm; interval and p by its profile, lesions counting as independent.",
            "Left out: lesions of which the covariate is not known; a histology that the paper "
            "does not class, and a sacral level, are such.",
            "The check (Grambsch and Therneau 1994): below 0.05 one ratio does not describe all "
            "of the follow-up.",
        ),
        sums=tuple(sums),
    )  # fmt: skip


class _Keys:
    """Keys of the counts and statistics of one model."""

    def __init__(self, endpoint: EndpointAnalysis, slug: str, lesions: str) -> None:
        self.model = f"{endpoint.endpoint}.{slug}"
        self.n, self.left_out = f"{lesions}.n", f"{lesions}.left_out"
        self.events = f"{self.model}.events"
        self.events_left_out = f"{self.model}.events_left_out"

    def sums(self, endpoint: EndpointAnalysis) -> list[Sum]:
        """Say what the counts add up to."""
        every = f"{endpoint.endpoint}.events"
        return [(TIME_KNOWN, self.n, self.left_out), (every, self.events, self.events_left_out)]


def _model_lines(
    analysis: CohortAnalysis, rows: Rows, endpoint: EndpointAnalysis, model: Model, keys: _Keys,
    words: str,
) -> list[tuple[Cell, ...]]:  # fmt: skip
    known = np.array(
        [all(covariate_of(one.lesion, c) is not None for c in model.covariates)
         for one in analysis.lesions], dtype=np.bool_,
    )  # fmt: skip
    events = rows.events(endpoint.endpoint)
    counts = (
        rows.count(keys.n, known),
        rows.count(keys.events, known & events),
        rows.count(keys.left_out, ~known),
        rows.count(keys.events_left_out, ~known & events),
    )
    told_by = (keys.n, keys.events)
    empty = Cell(text=NONE)
    if model.reason is not None:
        name = COVARIATE_WORDS[model.covariates[0]] if words == "alone" else "All of them"
        cells = (empty, empty, empty, remark(model.reason, told_by))
        return [(Cell(text=name), Cell(text=words), *counts, *cells)]
    lines: list[tuple[Cell, ...]] = []
    for fitted in (one for one in (model.cox, model.firth) if one is not None):
        label = Cell(text=f"{words}, {_model_words(fitted)}")
        trends = {one.covariate: one for one in model.trends if fitted is model.cox}
        for hazard in fitted.hazards:
            asked = Covariate(hazard.covariate)
            slug = f"{keys.model}.{asked.name.lower()}.{fitted.model}"
            cells = _statistics(slug, hazard, trends.get(hazard.covariate), keys)
            lines.append((Cell(text=COVARIATE_WORDS[asked]), label, *counts, *cells))
        if None in trends:
            check = _check(f"{keys.model}.cox.check", trends[None], keys)
            cells = (empty, empty, check, remark(trends[None].reason, told_by))
            lines.append((Cell(text="All of them"), label, *counts, *cells))
    return lines


def _model_words(fitted: Regression) -> str:
    words = {"cox": "Cox", "firth": "Firth"}[fitted.model]
    return words if fitted.patients is None else f"{words}, errors by patient"


def _statistics(
    key: str, one: Hazard, trend: Trend | None, keys: _Keys
) -> tuple[Cell, Cell, Cell, Cell]:
    told_by = (keys.n, keys.events)
    ratio: Estimate = one.ratio
    cell = statistic(key, keys.n, told_by, ratio, more={"p": one.p})
    check = Cell(text=NONE) if trend is None else _check(f"{key}.check", trend, keys)
    reason = ratio.reason or (None if trend is None else trend.reason)
    return cell, Cell(text=p_text(one.p), told_by=told_by), check, remark(reason, told_by)


def _check(key: str, trend: Trend, keys: _Keys) -> Cell:
    return Cell(
        text=p_text(trend.p), key=key, rests_on=keys.n, told_by=(keys.n, keys.events),
        values={"chi_square": trend.chi_square, "p": trend.p, "n": trend.n},
    )  # fmt: skip
