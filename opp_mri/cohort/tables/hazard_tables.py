"""Hazard ratios of a cohort as tables: what each model rests on, and what it gives."""

from typing import Final

import numpy as np

from opp_mri.cohort.statistics.analysis import MODELLED
from opp_mri.cohort.statistics.covariates import Covariate, Model, select_covariates
from opp_mri.cohort.statistics.hazards import (
    FEWEST_EVENTS,
    FEWEST_PATIENTS,
    Hazard,
    Regression,
    Trend,
)
from opp_mri.cohort.statistics.members import UNKNOWN, FractionGroup, Radiosensitivity, Region
from opp_mri.cohort.statistics.results import CohortAnalysis, EndpointAnalysis
from opp_mri.cohort.statistics.survival import BoolArray
from opp_mri.cohort.tables.analysis_cells import (
    EVENT_WORDS,
    NONE,
    TIME_KNOWN,
    Rows,
    build_remark_cell,
    build_statistic_cell,
    name_arm_key,
    write_p,
)
from opp_mri.cohort.tables.tables import AGE_KNOWN, Cell, Table
from opp_mri.cohort.tables.withholding import Sum

COVARIATE_WORDS: Final = {
    Covariate.AGE: "Age, per year",
    Covariate.DOSE: "Dose, per Gy",
    Covariate.RADIOSENSITIVE: "Radiosensitive versus radioresistant",
    Covariate.THORACIC: "Thoracic versus cervical and lumbar",
    Covariate.SINGLE_FRACTION: "Single fraction versus multifraction",
    Covariate.SINS: "SINS, per point",
    Covariate.EPIDURAL: "Epidural disease before treatment versus none",
}
TOGETHER: Final = "All of them"
_VALUES: Final = {  # of a covariate of two values: yes, no and unknown in words
    Covariate.RADIOSENSITIVE: (
        Radiosensitivity.RADIOSENSITIVE, Radiosensitivity.RADIORESISTANT, "not classified",
    ),
    Covariate.THORACIC: (Region.THORACIC, "cervical or lumbar", Region.SACRAL),
    Covariate.SINGLE_FRACTION: (FractionGroup.SINGLE, FractionGroup.MULTI, "unknown"),
    Covariate.EPIDURAL: ("grade 1a to 3", "grade 0", "unknown"),
}  # fmt: skip
_ELSEWHERE: Final[tuple[Sum, ...]] = (  # the same counts in the other tables
    ("model.age.n", AGE_KNOWN),
    ("model.age.left_out", f"age.{UNKNOWN}"),
    ("model.radiosensitive.yes", f"radiosensitivity.{Radiosensitivity.RADIOSENSITIVE}"),
    ("model.radiosensitive.no", f"radiosensitivity.{Radiosensitivity.RADIORESISTANT}"),
    ("model.radiosensitive.left_out", f"radiosensitivity.{UNKNOWN}"),
    ("model.thoracic.yes", f"level.{Region.THORACIC}"),
    ("model.thoracic.no", f"level.{Region.CERVICAL}", f"level.{Region.LUMBAR}"),
    ("model.thoracic.left_out", f"level.{Region.SACRAL}"),
)
_COUNTS_NOTE: Final = (
    "The covariates are those of Table 2 of Amini 2016. For a histology that the paper does not "
    "classify, and for a sacral level, the covariate counts as unknown."
)


def tabulate_covariates(analysis: CohortAnalysis) -> Table:
    """Show what the models rest on: lesions and events by covariate, and those left out."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    for covariate in analysis.covariates:
        words = _VALUES.get(covariate, ("known", "unknown"))
        masks = _build_masks(analysis, (covariate,))
        parts = ("n", "left_out") if len(words) == len(("known", "unknown")) else (
            "yes", "no", "left_out"
        )  # fmt: skip
        slug = covariate.name.lower()
        for part, label in zip(parts, words, strict=True):
            keys = [f"{change}.{slug}.{part}" for change in ("model", *MODELLED)]
            sets = [masks[part], *(masks[part] & rows.get_events(event) for event in MODELLED)]
            cells = (rows.count(key, lesions) for key, lesions in zip(keys, sets, strict=True))
            lines.append((Cell(text=COVARIATE_WORDS[covariate]), Cell(text=label), *cells))
        for prefix, whole in _list_wholes():
            sums.append((whole, f"{prefix}.{slug}.n", f"{prefix}.{slug}.left_out"))
            if "yes" in parts:
                sums.append((f"{prefix}.{slug}.n", f"{prefix}.{slug}.yes", f"{prefix}.{slug}.no"))
            if covariate is Covariate.SINGLE_FRACTION:
                ends = (name_arm_key(FractionGroup.SINGLE), name_arm_key(FractionGroup.MULTI))
                sums += [(f"{prefix}.{slug}.{part}", whole + end)
                         for part, end in zip(("yes", "no"), ends, strict=True)]  # fmt: skip
    for endpoint in analysis.modelled:
        if endpoint.multivariable is None:
            continue
        masks = _build_masks(analysis, endpoint.multivariable.covariates)
        for part, label in (("n", "known"), ("left_out", "not all known")):
            key = f"{endpoint.endpoint}.together.{part}"
            own = rows.count(key, masks[part] & rows.get_events(endpoint.endpoint))
            events = (
                own if column_endpoint is endpoint.endpoint else Cell(text=NONE)
                for column_endpoint in MODELLED
            )
            name = f"{TOGETHER}, time to {EVENT_WORDS[endpoint.endpoint]}"
            n = rows.count(f"model.{key}", masks[part])
            lines.append((Cell(text=name), Cell(text=label), n, *events))
        for key, whole in (
            (f"model.{endpoint.endpoint}.together", TIME_KNOWN),
            (f"{endpoint.endpoint}.together", f"{endpoint.endpoint}.events"),
        ):
            sums.append((whole, f"{key}.n", f"{key}.left_out"))
    if analysis.n == analysis.eligible:
        sums += _ELSEWHERE
    return Table(
        title="Lesions and events by covariate",
        columns=(
            "Covariate",
            "Value",
            "Lesions",
            *(f"With {EVENT_WORDS[event]}" for event in MODELLED),
        ),
        rows=tuple(lines),
        notes=(_COUNTS_NOTE,),
        sums=tuple(dict.fromkeys(sums)),
    )


def tabulate_hazards(analysis: CohortAnalysis, endpoint: EndpointAnalysis) -> Table:
    """Show the hazard ratio of each covariate alone and of all together, with its checks."""
    rows, lines = Rows(analysis), list[tuple[Cell, ...]]()
    for model in endpoint.models:
        slug = model.covariates[0].name.lower()
        keys = (f"model.{slug}.n", f"{endpoint.endpoint}.{slug}.n")
        lines += _build_lines(analysis, rows, endpoint, model, keys)
    keys = (
        f"model.{endpoint.endpoint}.together.n",
        f"{endpoint.endpoint}.together.n",
    )
    if endpoint.multivariable is not None:
        lines += _build_lines(analysis, rows, endpoint, endpoint.multivariable, keys, together=True)
    return Table(
        title=f"Hazard ratios, time to {EVENT_WORDS[endpoint.endpoint]}",
        columns=("Covariate", "Model", "Lesions", "Events", "Hazard ratio (95%)", "p",
                 "p of the check", "Remark"),
        rows=tuple(lines),
        notes=(
            "Cox's model, ties by Efron, interval and p by Wald. Where a patient has several "
            "lesions its errors are by patient (Lin and Wei 1989), and next to them as if all "
            f"lesions were independent. With fewer than {FEWEST_EVENTS} events or "
            f"{FEWEST_PATIENTS} patients errors by patient are too small (simulated; Cameron and "
            "Miller 2015): the wider of both holds, and the figure shows it.",
            "Firth's penalised likelihood (Heinze and Schemper 2001) is finite where all events "
            "are in one arm; interval and p by its profile, lesions counting as independent.",
            "The check (Grambsch and Therneau 1994): below 0.05 one ratio does not describe all "
            "of the follow-up.",
        ),
    )  # fmt: skip


def _list_wholes() -> list[tuple[str, str]]:
    """Pair the start of the keys of lesions, and of each event, with the count of them all."""
    return [("model", TIME_KNOWN), *((event.value, f"{event}.events") for event in MODELLED)]


def _build_masks(
    analysis: CohortAnalysis, covariates: tuple[Covariate, ...]
) -> dict[str, BoolArray]:
    """Return of which lesions all covariates are known or not, and which have each of them, or not.

    The last two have a meaning for one covariate of two values.
    """
    table = select_covariates(analysis.covariates, covariates)
    is_complete = np.asarray(np.isfinite(table).all(axis=0))
    return {
        "n": is_complete,
        "left_out": ~is_complete,
        "yes": np.asarray((table == 1).all(axis=0)),
        "no": np.asarray((table == 0).all(axis=0)),
    }


def _build_lines(
    analysis: CohortAnalysis, rows: Rows, endpoint: EndpointAnalysis, model: Model,
    keys: tuple[str, str], *, together: bool = False,
) -> list[tuple[Cell, ...]]:  # fmt: skip
    is_complete = _build_masks(analysis, model.covariates)["n"]
    counts = (
        rows.count(keys[0], is_complete),
        rows.count(keys[1], is_complete & rows.get_events(endpoint.endpoint)),
    )
    told_by, empty = _list_told_by(keys, model), Cell(text=NONE)
    words = "together" if together else "alone"
    if model.reason is not None:
        heading = TOGETHER if together else COVARIATE_WORDS[model.covariates[0]]
        cells = (empty, empty, empty, build_remark_cell(model.reason, told_by))
        return [(Cell(text=heading), Cell(text=words), *counts, *cells)]
    lines: list[tuple[Cell, ...]] = []
    fits = {"cox": model.cox, "cox_by_lesion": model.cox_by_lesion, "firth": model.firth}
    for name, regression in fits.items():
        if regression is None:
            continue
        label = Cell(text=f"{words}, {_describe_model(regression)}")
        trends = {trend.covariate: trend for trend in model.trends if regression is model.cox}
        for hazard in regression.hazards:
            covariate = Covariate(hazard.covariate)
            key = keys[1].removesuffix(".n") + f".{name}"
            key += f".{covariate.name.lower()}" if together else ""
            cells = _build_statistics(key, hazard, trends.get(hazard.covariate), keys[0], told_by)
            lines.append((Cell(text=COVARIATE_WORDS[covariate]), label, *counts, *cells))
        if None in trends:
            key = keys[1].removesuffix(".n") + ".cox"
            check = _check(key, trends[None], keys[0], told_by)
            cells = (empty, empty, check, build_remark_cell(trends[None].reason, told_by))
            lines.append((Cell(text=TOGETHER), label, *counts, *cells))
    return lines


def _list_told_by(keys: tuple[str, str], model: Model) -> tuple[str, ...]:
    """Name the counts that a ratio could be worked back to: of two values, those of either."""
    if not any(covariate in _VALUES for covariate in model.covariates):
        return keys
    slugs = [covariate.name.lower() for covariate in model.covariates if covariate in _VALUES]
    first = keys[1].split(".", maxsplit=1)[0]
    return (
        *keys,
        *(f"{start}.{slug}.{part}" for start in ("model", first) for slug in slugs
          for part in ("yes", "no")),
    )  # fmt: skip


def _describe_model(regression: Regression) -> str:
    words = {"cox": "Cox", "firth": "Firth"}[regression.model]
    return words if regression.patients is None else f"{words}, errors by patient"


def _build_statistics(
    key: str, hazard: Hazard, trend: Trend | None, rests_on: str, told_by: tuple[str, ...]
) -> tuple[Cell, Cell, Cell, Cell]:
    ratio = build_statistic_cell(key, rests_on, told_by, hazard.ratio, more={"p": hazard.p})
    check = Cell(text=NONE) if trend is None else _check(key, trend, rests_on, told_by)
    reason = hazard.ratio.reason or (None if trend is None else trend.reason)
    return (
        ratio,
        Cell(text=write_p(hazard.p), told_by=told_by),
        check,
        build_remark_cell(reason, told_by),
    )


def _check(key: str, trend: Trend, rests_on: str, told_by: tuple[str, ...]) -> Cell:
    return Cell(
        text=write_p(trend.p), key=f"{key}.check", rests_on=rests_on, told_by=told_by,
        values={"chi_square": trend.chi_square, "p": trend.p, "n": trend.n},
    )  # fmt: skip
