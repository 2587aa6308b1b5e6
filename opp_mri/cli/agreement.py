"""Verbs of two readers: agreement, discordance."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from opp_mri.agreement.lengths import Estimate, Kappa
from opp_mri.cli.options import example, json_option, project_option
from opp_mri.cli.response import PICTURES
from opp_mri.cli.rules import RulesChoice, rules_options
from opp_mri.cli.show import counted, show_json, show_table
from opp_mri.units import format_mm
from opp_mri.workflow.double_read.agreement import (
    AnswerTable,
    LengthAgreement,
    agreement,
    agreement_record,
)
from opp_mri.workflow.double_read.discordances import (
    DiscordantPair,
    cause_in_words,
    discordance_record,
    discordances,
    limits_of,
)
from opp_mri.workflow.double_read.repeatability import (
    Repeatability,
    repeatability,
    repeatability_record,
)
from opp_mri.workflow.project import open_project

readers_option = click.option(
    "--readers",
    nargs=2,
    metavar="FIRST SECOND",
    default=None,
    help="The two readers to compare; needed where more than two have measured.",
)
WITH_INTERVAL = "with 95 % interval"


@click.command(
    "agreement",
    epilog=example("opp-mri agreement --readers reader-1 reader-2 --plot differences.svg"),
)
@project_option
@readers_option
@rules_options
@json_option
@click.option("--repeats", is_flag=True, help="Hold readers against their own hidden repeats.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw differences against means, one panel a sequence (.svg, .png or .pdf).",
)
def agreement_command(
    project_folder: Path,
    readers: tuple[str, str] | None,
    rules: RulesChoice,
    as_json: bool,
    repeats: bool,
    plot: Path | None,
) -> None:
    """Say how far two readers agree: lengths per sequence, categories, the chosen slice.

    Only answers that count are held against each other: signed, or handed over in a table.
    """
    if plot and plot.suffix.lower() not in PICTURES:
        raise click.BadParameter("the name must end in .svg, .png or .pdf", param_hint="--plot")
    if repeats:
        _show_repeats(project_folder, as_json=as_json)
        return
    with open_project(project_folder) as project:
        agreed = agreement(project, readers or (), rules.in_project(project))
    if plot:
        from opp_mri.workflow.cohort.pictures import save_agreement  # loads matplotlib: a second

        save_agreement(agreed, plot)
    if as_json:
        show_json(agreement_record(agreed))
        return
    click.echo(f"{agreed.readers[0]} and {agreed.readers[1]}, each number {WITH_INTERVAL}")
    _show_lengths(agreed.lengths)
    _show_answers(agreed.answers)
    for name, found in (("Categories", agreed.categories), ("OPP or PD", agreed.opp_against_pd)):
        _show_kappa(name, found)
    if plot:
        click.echo(f"Drawn: {plot}")


def _show_repeats(project_folder: Path, *, as_json: bool) -> None:
    with open_project(project_folder) as project:
        found = repeatability(project.store)
    if as_json:
        show_json([repeatability_record(one) for one in found])
        return
    if not found:
        click.echo("No case has come back to its reader yet.")
        return
    rows: list[tuple[str, Callable[[Repeatability], str]]] = [
        ("lesions, pairs", lambda one: f"{one.lesions}, {one.pairs}"),
        ("bias (second less first), mm", lambda one: _written(one.bias_mm, 2)),
        ("SD of one measurement, mm", lambda one: _written(one.within_subject_sd_mm, 2)),
        ("repeatability coefficient, mm", lambda one: _written(one.repeatability_mm, 2)),
        ("differ by more than 2 mm", lambda one: _written(one.beyond, 3)),
    ]
    click.echo(f"Readers and their own hidden repeats, each number {WITH_INTERVAL}")
    show_table(
        ["", *(one.reader for one in found)],
        [[name, *(write(one) for one in found)] for name, write in rows],
    )


def _show_lengths(lengths: tuple[LengthAgreement, ...]) -> None:
    rows: list[tuple[str, Callable[[LengthAgreement], str]]] = [
        ("lesions, pairs", lambda one: f"{one.bland_altman.lesions}, {one.bland_altman.pairs}"),
        ("ICC(2,1)", lambda one: _written(one.icc.single, 3)),
        ("ICC(A,k)", lambda one: _written(one.icc.average, 3)),
        ("bias, mm", lambda one: _written(one.bland_altman.bias_mm, 2)),
        ("lower limit of agreement, mm", lambda one: _written(one.bland_altman.lower_mm, 2)),
        ("upper limit of agreement, mm", lambda one: _written(one.bland_altman.upper_mm, 2)),
        ("SD of one measurement, mm", lambda one: _written(one.within_subject_sd_mm, 2)),
        ("reproducibility coefficient, mm", lambda one: _written(one.reproducibility_mm, 2)),
        ("differ by more than 2 mm", lambda one: _written(one.beyond, 3)),
        ("drawn on the same slice", lambda one: _written(one.same_slice, 3)),
    ]
    show_table(
        ["", *(one.name for one in lengths)],
        [[name, *(write(one) for one in lengths)] for name, write in rows],
    )


def _show_answers(table: AnswerTable) -> None:
    click.echo(f"Answers to {counted(table.n, 'cell')} that both readers answered; lengths are")
    click.echo("compared where both measured.")
    words = [answer.value.replace("_", " ") for answer in table.answers]
    rows = [[name, *map(str, row)] for name, row in zip(words, table.counts, strict=True)]
    show_table(["first, second", *words], rows)


def _show_kappa(name: str, found: Kappa) -> None:
    click.echo(
        f"{name}: {counted(found.n, 'lesion')}, kappa {_written(found.kappa, 3)}, "
        f"agreed {_written(found.agreed, 3)}"
    )
    if found.n:
        show_table(
            ["first, second", *found.categories],
            [
                [category, *map(str, row)]
                for category, row in zip(found.categories, found.table, strict=True)
            ],
        )


def _written(estimate: Estimate, digits: int) -> str:
    if estimate.value is None:
        return "too few"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _mm(_context: click.Context, _option: click.Parameter, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        limit = Decimal(text)
    except InvalidOperation:
        limit = Decimal(-1)
    if not (limit.is_finite() and limit >= 0):
        raise click.BadParameter("must be a length in mm, such as 2.0")
    return limit


@click.command("discordance", epilog=example("opp-mri discordance --limit-mm 2.0"))
@project_option
@readers_option
@rules_options
@click.option(
    "--limit-mm",
    show_default="the protocol's, else 2.0",
    callback=_mm,
    help="Lengths, and ends of lines, further apart than this are discordant.",
)
@click.option(
    "--limit-deg",
    show_default="the protocol's, else 10",
    type=click.FloatRange(0, 90),
    help="Lines at a larger angle to each other are discordant.",
)
@json_option
def discordance_command(
    project_folder: Path,
    readers: tuple[str, str] | None,
    rules: RulesChoice,
    limit_mm: Decimal | None,
    limit_deg: float | None,
    as_json: bool,
) -> None:
    """List where two readers differ and why: what changes a category first, then by mm."""
    with open_project(project_folder) as project:
        found = discordances(
            project,
            readers or (),
            rules.in_project(project),
            limits=limits_of(project.store, length_mm=limit_mm, angle_deg=limit_deg),
        )
    if as_json:
        show_json([discordance_record(pair) for pair in found])
    elif found:
        lengths = [f"{one.reader} mm" for one in (found[0].found.first, found[0].found.second)]
        columns = ["Lesion", "Study", "Sequence", *lengths, "Cause", "Category"]
        show_table(columns, [_row(pair) for pair in found])
    else:
        click.echo("The two readers differ nowhere beyond the limits.")


def _row(pair: DiscordantPair) -> list[str]:
    found = pair.found
    lengths = [
        one.answer.value.replace("_", " ") if one.length_mm is None else format_mm(one.length_mm)
        for one in (found.first, found.second)
    ]
    first, second = (one.value if one else "-" for one in pair.categories)
    category = f"{first} or {second}" if pair.changes_category else first
    return [
        pair.lesion.lesion_id,
        str(found.first.study_date),
        found.first.sequence.value,
        *lengths,
        cause_in_words(found),
        category,
    ]


COMMANDS = (agreement_command, discordance_command)
