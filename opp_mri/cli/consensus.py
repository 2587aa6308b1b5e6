"""Verbs of consensus: list, resolve, sign."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from opp_mri.cli.shared.options import format_example, json_option, project_option, read_clock
from opp_mri.cli.shared.rules import RulesChoice, add_rules_options
from opp_mri.cli.show import show_head, show_json, show_table
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.domain.reader_study import ResolutionKind
from opp_mri.errors import InputError, UnknownError
from opp_mri.units import format_mm, number
from opp_mri.workflow.double_read.consensus import (
    LesionConsensus,
    Pair,
    find_contour_pair,
    pair_of,
    prepare_consensus,
)
from opp_mri.workflow.double_read.discordances import describe_cause
from opp_mri.workflow.double_read.resolving import (
    NewAnswer,
    build_line_answer,
    resolve,
    sign_consensus,
)
from opp_mri.workflow.double_read.volume_consensus import ContourPair, resolve_contours
from opp_mri.workflow.project import open_project

KINDS: Final = {
    "A": ResolutionKind.KEEP_A,
    "B": ResolutionKind.KEEP_B,
    "mean": ResolutionKind.MEAN,
    "new": ResolutionKind.NEW,
}
ANSWERS: Final = (Answer.GONE, Answer.NOT_MEASURABLE)


@click.group("consensus")
def consensus_group() -> None:
    """Resolve two reads into one: list the differences, resolve them, sign."""


@consensus_group.command("list", epilog=format_example("opp-mri consensus list --project study"))
@add_rules_options
@project_option
@json_option
def list_command(rules: RulesChoice, project_folder: Path, as_json: bool) -> None:
    """List each lesion that both readers signed, with its open answers as A and B.

    Which reader is A changes from cell to cell.
    """
    with open_project(project_folder) as project:
        lesions = prepare_consensus(project, rules.complete_for_project(project))
    if as_json:
        show_json([_build_lesion_json(lesion) for lesion in lesions])
        return
    rows = [_build_row(pair) for lesion in lesions for pair in lesion.pairs if pair.discordance]
    if rows:
        show_table(
            ["Lesion", "Study", "Sequence", "A mm", "B mm", "Cause", "Category", "Resolved"], rows
        )
    volume_rows = [
        _build_volume_row(pair) for lesion in lesions for pair in lesion.volumes if pair.cause
    ]
    if volume_rows:
        show_table(
            ["Lesion", "Study", "Sequence", "A cc", "B cc", "Dice", "Cause", "Resolved"],
            volume_rows,
        )
    for lesion in lesions:
        click.echo(f"{lesion.lesion.lesion_id}: {describe_state(lesion)}")
    if any(lesion.has_open for lesion in lesions):
        click.echo(
            "Next: `opp-mri consensus resolve`, or in a window `opp-mri consensus-room`; then sign."
        )


@consensus_group.command(
    "resolve",
    epilog=format_example(
        'opp-mri consensus resolve OPP-01 2020-05-30 T1 --keep A --reason "B includes the disc"'
    ),
)
@click.argument("lesion_id", metavar="LESION")
@click.argument("study_date", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("sequence", type=click.Choice([role.value for role in SeriesRole]))
@click.option(
    "--keep", "kind", type=click.Choice(list(KINDS)), required=True,
    help="A, B, the mean of both ends (on one image), or a new answer.",
)  # fmt: skip
@click.option("--reason", required=True, help="Why.")
@click.option(
    "--volume", "is_volume", is_flag=True,
    help="Resolve the contours of the cell, not its length: A or B; new ones are drawn in the "
    "consensus room.",
)  # fmt: skip
@click.option("--image", help="With new: SOPInstanceUID under the new line; A's if left out.")
@click.option("--frame", default=1, show_default=True, help="With --image: its frame.")
@click.option(
    "--line", nargs=4, type=float, metavar="COLUMN ROW COLUMN ROW",
    help="With new: both ends in pixels; 0 is the centre of the first pixel.",
)  # fmt: skip
@click.option(
    "--answer", type=click.Choice([answer.value for answer in ANSWERS]),
    help="With new: an answer without a line.",
)  # fmt: skip
@add_rules_options
@project_option
def resolve_command(
    lesion_id: str,
    study_date: datetime,
    sequence: str,
    kind: str,
    reason: str,
    is_volume: bool,
    image: str | None,
    frame: int,
    line: tuple[float, float, float, float] | None,
    answer: str | None,
    rules: RulesChoice,
    project_folder: Path,
) -> None:
    """Resolve the two answers to one cell; both remain unchanged."""
    with open_project(project_folder) as project:
        lesions = prepare_consensus(
            project, rules.complete_for_project(project), lesion_ids=[lesion_id]
        )
        cell = (study_date.date(), SeriesRole(sequence))
        if is_volume:
            if kind == "new":
                raise click.UsageError("Draw new contours in `opp-mri consensus-room`.")
            contour_pair = find_contour_pair(lesions, lesion_id, cell)
            resolve_contours(
                project.store, contour_pair, KINDS[kind], reason=reason, at=read_clock()
            )
            click.echo(f"{sequence} of {study_date.date()}: contours of {kind}")
            return
        pair = pair_of(lesions, lesion_id, cell)
        new = _read_new_answer(pair, image, frame, line, answer, reason) if kind == "new" else None
        resolution = resolve(
            project.store, pair, KINDS[kind], reason=reason, at=read_clock(), new=new
        )
        after = next(
            reading
            for reading in project.store.get_readings(lesion_id)
            if reading.reading_id == resolution.reading_id
        )
    click.echo(f"{sequence} of {study_date.date()}: {_describe_answer(after)}")


@consensus_group.command(
    "sign", epilog=format_example("opp-mri consensus sign OPP-01 --signed-by reader-1")
)
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@click.option("--signed-by", required=True, help="A reader of the protocol, or its adjudicator.")
@add_rules_options
@project_option
def sign_command(
    lesion_ids: tuple[str, ...],
    signed_by: str,
    rules: RulesChoice,
    project_folder: Path,
) -> None:
    """Sign the resolved answers of lesions, or of all that are ready.

    Answers that agree within the limits become their mean, and contours those of A. The consensus
    counts once all required signatures are there; `assess` and `timeline` then use it.
    """
    with open_project(project_folder) as project:
        lesions = prepare_consensus(project, rules.complete_for_project(project))
        lesions_by_id = {lesion.lesion.lesion_id: lesion for lesion in lesions}
        if unknown := [lesion_id for lesion_id in lesion_ids if lesion_id not in lesions_by_id]:
            raise UnknownError(
                f"Lesion {unknown[0]} has not been signed by both readers: `opp-mri consensus "
                "list` shows "
                "those that have."
            )
        ready = [lesions_by_id[lesion_id] for lesion_id in lesion_ids] or [
            lesion
            for lesion in lesions
            if not lesion.has_open and signed_by not in lesion.signed_by
        ]
        if not ready:
            raise InputError("No lesion is ready to be signed: `opp-mri consensus list` says why.")
        for lesion in ready:
            sign_consensus(project, lesion, signed_by, read_clock())
        for lesion in prepare_consensus(project, rules.complete_for_project(project)):
            if lesion.lesion.lesion_id in {consensus.lesion.lesion_id for consensus in ready}:
                click.echo(f"{lesion.lesion.lesion_id}: {describe_state(lesion)}")
        head = project.store.get_head()
    show_head(head.hash, is_to_keep=True)


def describe_state(lesion: LesionConsensus) -> str:
    """State how far a lesion is."""
    if lesion.has_open:
        parts = []
        if lesion.open_pairs:
            parts.append(f"{len(lesion.open_pairs)} of {len(lesion.pairs)} answers open")
        if lesion.open_volumes:
            parts.append(f"{len(lesion.open_volumes)} of {len(lesion.volumes)} volumes open")
        state = ", ".join(parts)
    elif lesion.missing_signatures:
        state = f"resolved, to be signed by {' and '.join(lesion.missing_signatures)}"
    else:
        state = f"resolved, signed by {' and '.join(lesion.signed_by)}"
    if lesion.one_reader_only:
        state += f"; {len(lesion.one_reader_only)} read by one reader only, and left out"
    return state


def _read_new_answer(
    pair: Pair, image: str | None, frame: int, line: tuple[float, float, float, float] | None,
    answer: str | None, reason: str,
) -> NewAnswer:  # fmt: skip
    if (line is None) is (answer is None):
        raise click.UsageError("With `--keep new`, give either --line or --answer.")
    if line is not None:
        if image is None and pair.a.caliper is None:
            raise click.UsageError("A has no image: name one with --image.")
        place = (image, frame) if image else None
        return build_line_answer(pair, (line[:2], line[2:]), place)
    return NewAnswer(answer=Answer(str(answer)), reason=reason)


def _describe_answer(reading: Reading) -> str:
    if reading.length_mm is None:
        return reading.answer.value.replace("_", " ")
    return format_mm(reading.length_mm)


def _build_row(pair: Pair) -> list[str]:
    discordance = pair.discordance
    return [
        pair.lesion.lesion_id,
        str(pair.a.study_date),
        pair.a.sequence.value,
        _describe_answer(pair.a),
        _describe_answer(pair.b),
        describe_cause(discordance) if discordance else "",
        "changes" if pair.changes_category else "same",
        f"{pair.resolution.kind.value}: {_describe_answer(pair.result)}"
        if pair.resolution and pair.result
        else "open",
    ]


def _build_lesion_json(lesion: LesionConsensus) -> dict[str, Any]:
    return {
        "lesion_id": lesion.lesion.lesion_id,
        "open": len(lesion.open_pairs),
        "open_volumes": len(lesion.open_volumes),
        "complete": lesion.is_complete,
        "signed_by": list(lesion.signed_by),
        "missing_signatures": list(lesion.missing_signatures),
        "read_by_one_only": [
            {"study_date": day.isoformat(), "sequence": sequence.value}
            for day, sequence in lesion.one_reader_only
        ],
        "pairs": [_build_pair_json(pair) for pair in lesion.pairs],
        "volumes": [_build_volume_json(pair) for pair in lesion.volumes],
    }


def _build_volume_row(pair: ContourPair) -> list[str]:
    comparison = pair.comparison
    cells = (comparison.first_cc, comparison.second_cc, pair.result_cc)
    first, second, result = ("-" if cc is None else f"{cc:.2f} cc" for cc in cells)
    return [
        pair.lesion.lesion_id,
        str(pair.a.study_date),
        pair.a.sequence.value,
        first,
        second,
        "-" if comparison.overlap is None else f"{comparison.overlap.dice:.2f}",
        pair.cause.value if pair.cause else "",
        f"{pair.resolution.kind.value}: {result}" if pair.resolution else "open",
    ]


def _build_volume_json(pair: ContourPair) -> dict[str, Any]:
    comparison, overlap = pair.comparison, pair.comparison.overlap
    return {
        "study_date": pair.a.study_date.isoformat(),
        "sequence": pair.a.sequence.value,
        "a_cc": comparison.first_cc,
        "b_cc": comparison.second_cc,
        "dice": None if overlap is None else round(overlap.dice, 4),
        "mean_surface_mm": None if overlap is None else round(overlap.mean_surface_mm, 3),
        "hausdorff_95_mm": None if overlap is None else round(overlap.hausdorff_95_mm, 3),
        "cause": pair.cause.value if pair.cause else None,
        "resolution": pair.resolution.kind.value if pair.resolution else None,
        "reason": pair.resolution.reason if pair.resolution else None,
        "result_cc": pair.result_cc,
    }


def _build_pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "study_date": pair.a.study_date.isoformat(),
        "sequence": pair.a.sequence.value,
        "a_mm": number(pair.a.length_mm),
        "b_mm": number(pair.b.length_mm),
        "a_answer": pair.a.answer.value,
        "b_answer": pair.b.answer.value,
        "cause": pair.discordance.cause.value if pair.discordance else None,
        "changes_category": pair.changes_category,
        "anterior_mm": round(pair.ends.anterior_mm, 2) if pair.ends else None,
        "posterior_mm": round(pair.ends.posterior_mm, 2) if pair.ends else None,
        "may_average": pair.may_average,
        "resolution": pair.resolution.kind.value if pair.resolution else None,
        "reason": pair.resolution.reason if pair.resolution else None,
        "result_mm": number(pair.result.length_mm) if pair.result else None,
    }


COMMANDS: Final = (consensus_group,)
