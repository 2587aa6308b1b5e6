"""Verbs of the response: timeline, assess, criteria."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from attrs import evolve, frozen

from opp_mri.cli.shared.json_output import unstructure
from opp_mri.cli.shared.options import existing_file, format_example, json_option, project_option
from opp_mri.cli.shared.rules import CriteriaType, RulesChoice, add_rules_options
from opp_mri.cli.show import build_warnings_json, show_json, show_table, show_warnings
from opp_mri.domain.assessment import Criteria, Rules
from opp_mri.domain.columns.visit import describe_visit
from opp_mri.domain.contour import MeasuredVolume
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.plausibility import DataWarning, find_length_warnings, find_study_warnings
from opp_mri.errors import InputError, UnknownError
from opp_mri.response.assessed import AssessedTimeline
from opp_mri.response.criteria import DEFAULT_CRITERIA, build_criteria_json
from opp_mri.response.lack import describe_lacks, describe_left_out
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.response.sentences import describe_reason
from opp_mri.units import count_days, format_cc, format_mm
from opp_mri.workflow.assessing.assess import (
    AssessedTables,
    assess_tables,
    build_assessment_json,
    build_comparison_json,
)
from opp_mri.workflow.assessing.respond import (
    ProjectLesion,
    assess_lesion,
    assess_project,
    build_project_lesion_json,
    load_project_timelines,
)
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.timeline import LesionTimeline
from opp_mri.workflow.project import open_project

reader_option = click.option(
    "--reader", help="Reader whose readings count; required if several readers measured a lesion."
)
PICTURES: Final = (".svg", ".png", ".pdf")


@click.command(
    "timeline", epilog=format_example("opp-mri timeline OPP-01 --project study --plot timeline.svg")
)
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@reader_option
@add_rules_options
@json_option
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the timeline: .svg, .png or .pdf. For several lesions their names are added to "
    "the file name.",
)
def timeline_command(
    lesion_ids: tuple[str, ...],
    project_folder: Path,
    reader: str | None,
    rules: RulesChoice,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Show lesions over time: days and weeks from SSRS, mm per sequence, what is missing.

    Mode and criteria affect only the category in the title of the drawing.
    """
    if plot and plot.suffix.lower() not in PICTURES:
        raise click.BadParameter("the name must end in .svg, .png or .pdf", param_hint="--plot")
    with open_project(project_folder) as project:
        check_shown(project.store, [reader] if reader else ())
        timelines = load_project_timelines(project, lesion_ids, reader=reader)
        check_shown(project.store, [timeline.reader for timeline in timelines])
        complete_rules = rules.complete_for_project(project)
    if as_json:
        show_json(unstructure(timelines))
    else:
        for timeline in timelines:
            _show_timeline(timeline)
    if plot:
        _draw(plot, timelines, complete_rules)


def _draw(plot: Path, timelines: Sequence[LesionTimeline], rules: Rules) -> None:
    from opp_mri.workflow.cohort.pictures import (
        save_timeline,  # loads matplotlib, which takes a second
    )

    for timeline in timelines:
        path = _plot_path(plot, timeline, alone=len(timelines) == 1)
        save_timeline(path, assess_lesion(timeline, rules))
        click.echo(f"Drawn: {path}", err=True)


def _plot_path(plot: Path, timeline: LesionTimeline, *, alone: bool) -> Path:
    if alone:
        return plot
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in timeline.lesion.lesion_id)
    return plot.with_name(f"{plot.stem}-{safe}{plot.suffix}")


def _show_timeline(timeline: LesionTimeline) -> None:
    lesion = timeline.lesion
    by_reader = f", by {timeline.reader}" if timeline.reader else ""
    click.echo(f"{lesion.lesion_id}, {lesion.level}, SSRS ended {lesion.ssrs_last_date}{by_reader}")
    has_volumes = any(cell.measured_volume is not None for cell in timeline.cells)
    rows = [
        [
            str(cell.study_date),
            str(cell.days_from_ssrs),
            f"{cell.days_from_ssrs / 7:.1f}",
            cell.phase.value,
            cell.sequence.value,
            format_mm(cell.reading.length_mm)
            if cell.reading and cell.reading.length_mm is not None
            else "-",
            *([_format_volume(cell.measured_volume)] if has_volumes else []),
            cell.status.value.replace("_", " "),
            " ".join(cell.flags),
        ]
        for cell in timeline.cells
    ]
    volume_columns = ["Volume cc"] if has_volumes else []
    columns = ["Study", "days", "weeks", "Phase", "Sequence", "AP mm", *volume_columns, "Status",
               "Note"]  # fmt: skip
    show_table(columns, rows)
    for visit in timeline.visits:
        weeks = count_days(lesion.ssrs_last_date, visit.visit_date) / 7
        click.echo(f"Visit of {visit.visit_date}, {weeks:.1f} weeks: {describe_visit(visit)}.")
    for flag in timeline.flags:
        click.echo(f"Note: {flag}")


def _format_volume(volume: MeasuredVolume | None) -> str:
    return "-" if volume is None else format_cc(volume.volume_cc, volume.standard_error_cc)


@click.command(
    "assess", epilog=format_example("opp-mri assess OPP-01 --project study --mode prospective")
)
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@click.option("--measurements", type=existing_file, help="CSV of lengths, instead of a project.")
@click.option("--events", type=existing_file, help="CSV of events, with --measurements.")
@project_option
@reader_option
@add_rules_options
@click.option(
    "--sd-mm",
    type=click.FloatRange(min=0, max=100),
    help="Error of one measurement (SD, mm) for the probabilities; default: the project's own, "
    "or 1.23.",
)
@click.option(
    "--visit-correlation",
    type=click.FloatRange(min=0, max=1),
    help="With --sd-mm: correlation of the errors of two sequences of one visit; default: 0.",
)
@click.option(
    "--compare", is_flag=True, help="Show the category by each shipped profile, side by side."
)
@json_option
def assess_command(
    lesion_ids: tuple[str, ...],
    measurements: Path | None,
    events: Path | None,
    project_folder: Path,
    reader: str | None,
    rules: RulesChoice,
    sd_mm: float | None,
    visit_correlation: float | None,
    compare: bool,
    as_json: bool,
) -> None:
    """Give each lesion its category: OPP, PD, PR or SD, by which rule, and how probable.

    From a project's readings, or from tables: --measurements with lesion_id, days_from_ssrs,
    sequence, ap_mm (and perhaps volume_cc), and --events with lesion_id, days_from_ssrs, event,
    value.
    """
    if measurements is None and events is not None:
        raise click.UsageError("--events goes with --measurements.")
    if visit_correlation is not None and sd_mm is None:
        raise click.UsageError("--visit-correlation goes with --sd-mm.")
    error = (
        None
        if sd_mm is None
        else MeasurementError(
            sd_mm=sd_mm, visit_correlation=visit_correlation or 0.0, source="as given"
        )
    )
    if measurements is not None:
        complete_rules = rules.complete_for_tables()
        tables = assess_tables(measurements, events, complete_rules, error=error or DEFAULT_ERROR)
        answers = _select_from_tables(tables, lesion_ids, measurements)
    else:
        with open_project(project_folder) as project:
            check_shown(project.store, [reader] if reader else ())
            complete_rules = rules.complete_for_project(project)
            lesions = assess_project(
                project, complete_rules, lesion_ids, reader=reader, error=error
            )
            check_shown(project.store, [lesion.reader for lesion in lesions])
        answers = _assess_project(lesions)
    answers, lacks = _set_aside(answers, complete_rules.criteria, compare=compare)
    if lacks and (lesion_ids or not answers.lesions):
        raise InputError(" ".join(lacks))
    if compare:
        _show_comparison(answers.lesions, as_json=as_json)
    elif as_json:
        show_json(_build_records(answers))
    else:
        _show_assessments(answers.lesions)
    shown_ids = {_get_id(lesion) for lesion in answers.lesions}
    show_warnings([warning for warning in answers.warnings if warning.lesion_id in shown_ids])
    for lack in lacks:
        click.echo(lack, err=True)


@frozen(kw_only=True)
class _Answers:
    """What `assess` shows, from tables or from a project."""

    lesions: Sequence[AssessedTimeline]
    warnings: Sequence[DataWarning]


def _select_from_tables(
    tables: AssessedTables, lesion_ids: Sequence[str], measurements: Path
) -> _Answers:
    by_id = {_get_id(lesion): lesion for lesion in tables.lesions}
    for lesion_id in lesion_ids:
        if lesion_id not in by_id:
            raise UnknownError(f"{measurements.name} has no lesion {lesion_id}: check the name.")
    lesions = [by_id[lesion_id] for lesion_id in lesion_ids or by_id]
    return _Answers(lesions=lesions, warnings=tables.warnings)


def _set_aside(
    answers: _Answers, criteria: Criteria, *, compare: bool
) -> tuple[_Answers, list[str]]:
    """Set lesions aside that have no answer, or none by any profile; also return why, in words."""
    lesions = [
        lesion
        for lesion in answers.lesions
        if lesion.is_measured or (compare and lesion.by_profile)
    ]
    lacking = [lesion.timeline for lesion in answers.lesions if lesion not in lesions]
    return evolve(answers, lesions=lesions), describe_lacks(lacking, criteria, option="--criteria")


def _assess_project(lesions: Sequence[ProjectLesion]) -> _Answers:
    return _Answers(
        lesions=lesions,
        warnings=[
            warning
            for lesion in lesions
            for source in (
                find_length_warnings(_get_id(lesion), lesion.timeline.observations),
                find_study_warnings(lesion.lesion, lesion.timeline.observations),
            )
            for warning in source
        ],
    )


def _build_records(answers: _Answers) -> list[dict[str, object]]:
    warning_records = build_warnings_json(answers.warnings)
    return [
        {
            **(
                build_project_lesion_json(lesion)
                if isinstance(lesion, ProjectLesion)
                else build_assessment_json(lesion)
            ),
            "warnings": [
                warning for warning in warning_records if warning["lesion_id"] == _get_id(lesion)
            ],
        }
        for lesion in answers.lesions
    ]


def _get_id(lesion: AssessedTimeline) -> str:
    return lesion.assessment.lesion_id


def _show_assessments(lesions: Sequence[AssessedTimeline]) -> None:
    rows = [
        [
            _get_id(lesion),
            lesion.assessment.category.value,
            lesion.labels[-1].category.value if lesion.labels else "-",
            lesion.assessment.deciding_sequence.value
            if lesion.assessment.deciding_sequence
            else "-",
            lesion.assessment.reason.value.replace("_", " "),
            "-" if lesion.margin_mm is None else format_mm(lesion.margin_mm),
            "-" if lesion.margin_days is None else str(lesion.margin_days),
            _format_probability(lesion),
            ", ".join(caution.value.replace("_", " ") for caution in lesion.cautions),
            "yes" if lesion.assessment.discordant else "",
        ]
        for lesion in lesions
    ]
    columns = ["Lesion", "Category", "Prospective label", "Sequence", "Rule"]
    columns += ["Margin mm", "Margin days", "Probability", "Cautions", "Discordant"]
    show_table(columns, rows)
    for lesion in lesions:
        # tables do not say in how many fractions
        outlook = lesion.outlook if isinstance(lesion, ProjectLesion) else None
        more = [] if outlook is None else [outlook.sentence]
        page = [*lesion.sentences, *more]
        click.echo("\n  ".join([f"{_get_id(lesion)}:", *page]))
        if len(lesions) == 1:
            click.echo("  " + "\n  ".join(lesion.details))
    click.echo("Research software, not a medical device.")


def _show_comparison(lesions: Sequence[AssessedTimeline], *, as_json: bool) -> None:
    if as_json:
        show_json([build_comparison_json(lesion) for lesion in lesions])
        return
    for lesion in lesions:
        click.echo(f"{_get_id(lesion)}, {lesion.assessment.mode.value}:")
        rows = [
            [
                name,
                assessment.category.value,
                assessment.deciding_sequence.value if assessment.deciding_sequence else "-",
                describe_reason(assessment.reason, assessment.criteria),
            ]
            for name, assessment in lesion.by_profile.items()
        ]
        show_table(["Criteria", "Category", "Sequence", "Why"], rows)
    for sentence in describe_left_out([lesion.timeline for lesion in lesions]):
        click.echo(sentence)
    click.echo("Research software, not a medical device.")


def _format_probability(lesion: AssessedTimeline) -> str:
    if not lesion.is_simulated:
        return "-"
    words = lesion.probability_words
    return f"fragile, {words}" if lesion.is_fragile else words


@click.command("criteria", epilog=format_example("opp-mri criteria plateau-variant"))
@click.argument("criteria", metavar="[NAME|FILE]", type=CriteriaType(), default=DEFAULT_CRITERIA)
@json_option
def criteria_command(criteria: Criteria, as_json: bool) -> None:
    """Show response criteria: a shipped profile by its name, or a TOML file, checked."""
    values = build_criteria_json(criteria)
    if as_json:
        show_json(values)
        return
    show_table(["Parameter", "Value"], [[name, str(value)] for name, value in values.items()])


COMMANDS: Final = (timeline_command, assess_command, criteria_command)
