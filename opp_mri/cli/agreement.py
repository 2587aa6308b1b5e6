"""Verbs of two readers: agreement, discordance."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import click

from opp_mri.agreement.discordance import VolumeCause
from opp_mri.agreement.lengths import Kappa
from opp_mri.cli.response import PICTURES
from opp_mri.cli.shared.options import format_example, json_option, project_option
from opp_mri.cli.shared.rules import RulesChoice, add_rules_options
from opp_mri.cli.show import show_json, show_table
from opp_mri.domain.estimate import Estimate
from opp_mri.units import format_count, format_mm
from opp_mri.workflow.double_read.agreement import (
    AnswerTable,
    LengthAgreement,
    ProposalUse,
    choose_two_readers,
    measure_agreement,
)
from opp_mri.workflow.double_read.agreement_json import build_agreement_json
from opp_mri.workflow.double_read.discordances import (
    DiscordantPair,
    build_discordance_json,
    choose_limits,
    describe_cause,
    find_discordances,
)
from opp_mri.workflow.double_read.repeatability import (
    Repeatability,
    build_repeatability_json,
    measure_repeatability,
)
from opp_mri.workflow.double_read.volume_agreement import (
    VolumeAgreement,
    VolumePair,
    build_discordant_volume_json,
    find_discordant_volumes,
)
from opp_mri.workflow.project import open_project

readers_option = click.option(
    "--readers",
    nargs=2,
    metavar="FIRST SECOND",
    default=None,
    help="The two readers to compare; needed where more than two have measured.",
)
WITH_INTERVAL: Final = "with 95% interval"


@click.command(
    "agreement",
    epilog=format_example("opp-mri agreement --readers reader-1 reader-2 --plot differences.svg"),
)
@project_option
@readers_option
@add_rules_options
@json_option
@click.option("--repeats", is_flag=True, help="Compare each reader with their own hidden repeats.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw differences against means, one panel per sequence (.svg, .png or .pdf).",
)
def agreement_command(
    project_folder: Path,
    readers: tuple[str, str] | None,
    rules: RulesChoice,
    as_json: bool,
    repeats: bool,
    plot: Path | None,
) -> None:
    """Report the agreement of two readers: lengths, volumes, categories, the chosen slice.

    Only final answers are compared: signed ones, and those imported from a table.
    """
    if plot and plot.suffix.lower() not in PICTURES:
        raise click.BadParameter("the name must end in .svg, .png or .pdf", param_hint="--plot")
    if repeats:
        _show_repeats(project_folder, as_json=as_json)
        return
    with open_project(project_folder) as project:
        agreement = measure_agreement(project, readers or (), rules.complete_for_project(project))
    if plot:
        from opp_mri.workflow.cohort.pictures import save_agreement  # loads matplotlib: a second

        save_agreement(agreement, plot)
    if as_json:
        show_json(build_agreement_json(agreement))
        return
    click.echo(f"{agreement.readers[0]} and {agreement.readers[1]}, each number {WITH_INTERVAL}")
    _show_lengths(agreement.lengths)
    _show_answers(agreement.answers)
    for name, kappa in (
        ("Categories", agreement.categories),
        ("OPP or PD", agreement.opp_against_pd),
    ):
        _show_kappa(name, kappa)
    _show_volumes(agreement.volumes)
    _show_proposals(agreement.proposals)
    if plot:
        click.echo(f"Drawn: {plot}")


def _show_repeats(project_folder: Path, *, as_json: bool) -> None:
    with open_project(project_folder) as project:
        repeatabilities = measure_repeatability(project.store)
    if as_json:
        show_json([build_repeatability_json(reader) for reader in repeatabilities])
        return
    if not repeatabilities:
        click.echo("No reader has read a case twice yet.")
        return
    rows: list[tuple[str, Callable[[Repeatability], str]]] = [
        ("lesions, pairs", lambda row: f"{row.lesions}, {row.pairs}"),
        ("bias (second less first), mm", lambda row: _format_number(row.bias_mm, 2)),
        ("SD of one measurement, mm", lambda row: _format_number(row.within_subject_sd_mm, 2)),
        ("repeatability coefficient, mm", lambda row: _format_number(row.repeatability_mm, 2)),
        ("differ by more than 2 mm", lambda row: _format_number(row.beyond, 3)),
    ]
    click.echo(f"Readers and their own hidden repeats, each number {WITH_INTERVAL}")
    show_table(
        ["", *(reader.reader for reader in repeatabilities)],
        [[name, *(write(reader) for reader in repeatabilities)] for name, write in rows],
    )


def _show_lengths(lengths: tuple[LengthAgreement, ...]) -> None:
    rows: list[tuple[str, Callable[[LengthAgreement], str]]] = [
        ("lesions, pairs", lambda row: f"{row.bland_altman.lesions}, {row.bland_altman.pairs}"),
        ("ICC(2,1)", lambda row: _format_number(row.icc.single, 3)),
        ("ICC(A,k)", lambda row: _format_number(row.icc.average, 3)),
        ("bias, mm", lambda row: _format_number(row.bland_altman.bias_mm, 2)),
        ("lower limit of agreement, mm", lambda row: _format_number(row.bland_altman.lower_mm, 2)),
        ("upper limit of agreement, mm", lambda row: _format_number(row.bland_altman.upper_mm, 2)),
        ("SD of one measurement, mm", lambda row: _format_number(row.within_subject_sd_mm, 2)),
        ("reproducibility coefficient, mm", lambda row: _format_number(row.reproducibility_mm, 2)),
        ("differ by more than 2 mm", lambda row: _format_number(row.beyond, 3)),
        ("drawn on the same slice", lambda row: _format_number(row.same_slice, 3)),
    ]
    show_table(
        ["", *(length.name for length in lengths)],
        [[name, *(write(length) for length in lengths)] for name, write in rows],
    )


def _show_volumes(volumes: tuple[VolumeAgreement, ...]) -> None:
    if not volumes:
        return
    rows: list[tuple[str, Callable[[VolumeAgreement], str]]] = [
        ("lesions, pairs", lambda row: f"{row.lesions}, {row.pairs}"),
        ("pairs on one series", lambda row: f"{row.compared}"),
        ("Dice coefficient", lambda row: _format_number(row.dice, 3)),
        ("mean surface distance, mm", lambda row: _format_number(row.mean_surface_mm, 2)),
        ("95% Hausdorff distance, mm", lambda row: _format_number(row.hausdorff_95_mm, 2)),
        ("bias, cc", lambda row: _format_number(row.bias_cc, 2)),
        ("lower limit of agreement, cc", lambda row: _format_number(row.lower_cc, 2)),
        ("upper limit of agreement, cc", lambda row: _format_number(row.upper_cc, 2)),
        ("bias, % of the mean", lambda row: _format_number(row.bias_percent, 1)),
        ("lower limit of agreement, %", lambda row: _format_number(row.lower_percent, 1)),
        ("upper limit of agreement, %", lambda row: _format_number(row.upper_percent, 1)),
    ]
    click.echo("Volumes within the contours of cells that both readers drew")
    show_table(
        ["", *(volume.name for volume in volumes)],
        [[name, *(write(volume) for volume in volumes)] for name, write in rows],
    )


def _show_answers(table: AnswerTable) -> None:
    click.echo(
        f"Answers to {format_count(table.n, 'cell')} that both readers answered; lengths are"
    )
    click.echo("compared where both measured.")
    words = [answer.value.replace("_", " ") for answer in table.answers]
    rows = [[name, *map(str, row)] for name, row in zip(words, table.counts, strict=True)]
    show_table(["first, second", *words], rows)


def _show_kappa(name: str, kappa: Kappa) -> None:
    click.echo(
        f"{name}: {format_count(kappa.n, 'lesion')}, kappa {_format_number(kappa.kappa, 3)}, "
        f"agreed {_format_number(kappa.agreed, 3)}"
    )
    if kappa.n:
        show_table(
            ["first, second", *kappa.categories],
            [
                [category, *map(str, row)]
                for category, row in zip(kappa.categories, kappa.table, strict=True)
            ],
        )


def _show_proposals(uses: tuple[ProposalUse, ...]) -> None:
    if not uses:
        return
    click.echo("Proposals shown before the answers that are compared:")
    rows = [
        [use.reader, *map(str, (use.cells, use.accepted, use.anchored, use.edited))] for use in uses
    ]
    show_table(["reader", "cells", "accepted", "accepted in under 1 s", "edited"], rows)


def _format_number(estimate: Estimate, digits: int) -> str:
    if estimate.value is None:
        return "too few"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _convert_to_mm(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> Decimal | None:
    if text is None:
        return None
    try:
        limit = Decimal(text)
    except InvalidOperation:
        limit = Decimal(-1)
    if not (limit.is_finite() and limit >= 0):
        raise click.BadParameter("must be a length in mm, such as 2.0")
    return limit


@click.command("discordance", epilog=format_example("opp-mri discordance --limit-mm 2.0"))
@project_option
@readers_option
@add_rules_options
@click.option(
    "--limit-mm",
    show_default="the protocol's, else 2.0",
    callback=_convert_to_mm,
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
    """List where two readers differ and why: what changes a category first, then by mm.

    Volumes that differ by more than 20% of their mean, or overlap with a Dice coefficient below
    0.7, follow in a table of their own.
    """
    with open_project(project_folder) as project:
        pairs = find_discordances(
            project,
            readers or (),
            rules.complete_for_project(project),
            limits=choose_limits(project.store, length_mm=limit_mm, angle_deg=limit_deg),
        )
        volumes = find_discordant_volumes(
            project.store,
            choose_two_readers(project.store, readers or ()),
            project.store.get_lesions(),
        )
    if as_json:
        show_json(
            [build_discordance_json(pair) for pair in pairs]
            + [build_discordant_volume_json(*volume) for volume in volumes]
        )
        return
    if volumes:
        _show_discordant_volumes(volumes)
    if pairs:
        lengths = [
            f"{reading.reader} mm"
            for reading in (pairs[0].discordance.first, pairs[0].discordance.second)
        ]
        columns = ["Lesion", "Study", "Sequence", *lengths, "Cause", "Category"]
        show_table(columns, [_build_row(pair) for pair in pairs])
    elif not volumes:
        click.echo("The two readers differ nowhere beyond the limits.")


def _show_discordant_volumes(volumes: list[tuple[VolumePair, VolumeCause]]) -> None:
    first = volumes[0][0]
    names = [f"{reading.reader} cc" for reading in (first.first, first.second)]
    rows = [
        [
            pair.first.lesion_id,
            str(pair.first.study_date),
            pair.first.sequence.value,
            *("-" if cc is None else f"{cc:.2f} cc" for cc in (pair.first_cc, pair.second_cc)),
            "-" if pair.overlap is None else f"{pair.overlap.dice:.2f}",
            cause.value,
        ]
        for pair, cause in volumes
    ]
    show_table(["Lesion", "Study", "Sequence", *names, "Dice", "Cause"], rows)


def _build_row(pair: DiscordantPair) -> list[str]:
    discordance = pair.discordance
    lengths = [
        reading.answer.value.replace("_", " ")
        if reading.length_mm is None
        else format_mm(reading.length_mm)
        for reading in (discordance.first, discordance.second)
    ]
    first, second = (category.value if category else "-" for category in pair.categories)
    category = f"{first} or {second}" if pair.changes_category else first
    return [
        pair.lesion.lesion_id,
        str(discordance.first.study_date),
        discordance.first.sequence.value,
        *lengths,
        describe_cause(discordance),
        category,
    ]


COMMANDS: Final = (agreement_command, discordance_command)
