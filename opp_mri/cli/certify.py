"""Verbs of a new reader: certify make, certify score."""

import secrets
from pathlib import Path
from typing import Any, Final

import attrs
import click

from opp_mri.agreement.certification import DEFAULT_PASS_MARK, FEWEST_LESIONS
from opp_mri.cli.shared.options import existing_file, format_example, json_option, read_clock
from opp_mri.cli.show import show_json, show_progress, show_table
from opp_mri.domain.estimate import Estimate
from opp_mri.units import format_count, number
from opp_mri.workflow.double_read.certify import (
    VISITS,
    Score,
    make_certification,
    score_certification,
)

LARGEST_SEED: Final = 2**31


@click.group("certify")
def certify_group() -> None:
    """Certify a new reader on phantom lesions of known length."""


@certify_group.command(
    "make", epilog=format_example("opp-mri certify make lesions --truth truth.json")
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--truth",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="New file for the true lengths, outside FOLDER.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="The same seed gives the same lesions and images; random if omitted.",
)
@click.option(
    "--patient",
    "patients",
    multiple=True,
    help="Only this patient, such as PHANTOM-01; may be given several times. Default: five, "
    "chosen by the seed.",
)
@click.option(
    "--visits",
    type=click.IntRange(1, 5),
    default=VISITS,
    show_default=True,
    help="Time points of each patient, the baseline among them; each has three lengths.",
)
@click.option("--coarse", is_flag=True, hidden=True, help="Half the matrix, for quick tests.")
def make_command(
    folder: Path,
    truth: Path,
    seed: int | None,
    patients: tuple[str, ...],
    visits: int,
    coarse: bool,
) -> None:
    """Make a project in FOLDER with phantom lesions to measure, and no length in it.

    The true lengths go to another file, which the reader does not get. Takes a minute or two.
    """
    with show_progress() as progress:
        certification = make_certification(
            folder,
            truth,
            at=read_clock(),
            # a known seed would let anybody write the same phantom with its truth
            seed=secrets.randbelow(LARGEST_SEED) if seed is None else seed,
            patients=patients or None,
            visits=visits,
            coarse=coarse,
            progress=progress,
        )
    click.echo(
        f"{format_count(certification.lengths, 'length')} to measure on "
        f"{format_count(certification.lesions, 'lesion')} in {certification.folder}."
    )
    click.echo(f"The true lengths are in {certification.truth}: keep them from the reader.")
    if (
        certification.lengths < DEFAULT_PASS_MARK.lengths_at_least
        or certification.lesions < FEWEST_LESIONS
    ):
        click.echo(
            f"Too few to pass: the minimum is {DEFAULT_PASS_MARK.lengths_at_least} lengths on "
            f"{FEWEST_LESIONS} lesions.",
            err=True,
        )


@certify_group.command(
    "score", epilog=format_example("opp-mri certify score lesions --truth truth.json --reader A")
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--truth",
    required=True,
    type=existing_file,
    help="The file that `opp-mri certify make` wrote.",
)
@click.option("--reader", required=True, help="Name of the reader to certify.")
@json_option
def score_command(folder: Path, truth: Path, reader: str, as_json: bool) -> None:
    """Report a reader's error on the lesions in FOLDER, and whether the reader passes.

    Lengths count that are signed in the reading room, or handed over with `opp-mri measure`. The
    JSON holds the true lengths, the table does not.
    """
    score = score_certification(folder, truth, reader)
    if as_json:
        show_json(_build_score_json(score))
        return
    _show(score)


def _show(score: Score) -> None:
    certification = score.certification
    mark = certification.pass_mark
    show_table(
        ["", f"{score.reader}, with 95% interval", "to pass"],
        [
            ["lengths", f"{certification.n} on {format_count(certification.lesions, 'lesion')}",
             f"at least {mark.lengths_at_least}"],
            ["unread or not measurable",
             f"{certification.unread} of {certification.n + certification.unread}",
             f"at most {mark.unread_at_most:.0%}"],
            ["bias, mm", _format_number(certification.bias_mm, "+.2f"),
             f"interval within {mark.bias_within_mm:.1f} to each side"],
            ["SD of one measurement, mm", _format_number(certification.sd_mm, ".2f"),
             f"at most {mark.sd_at_most_mm:.2f}"],
            [f"more than {mark.far_mm:.1f} mm off", _format_number(certification.far, ".0%"),
             f"at most {mark.far_at_most:.0%}"],
        ],
    )  # fmt: skip
    for length in score.unread:
        true = length.true
        click.echo(
            f"No length: {true.lesion_id}, {true.study_date}, {true.sequence.value}: "
            f"{length.missing}"
        )
    click.echo(f"Reader {score.reader} {'passed' if certification.passed else 'did not pass'}.")
    for reason in certification.reasons:
        click.echo(f"  {reason}")


def _format_number(estimate: Estimate, how: str) -> str:
    if estimate.value is None:
        return "too few"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{how}}"
    return f"{estimate.value:{how}} ({estimate.low:{how}} to {estimate.high:{how}})"


def _build_score_json(score: Score) -> dict[str, Any]:
    certification = score.certification
    return {
        "reader": score.reader,
        "passed": certification.passed,
        "reasons": list(certification.reasons),
        "lesions": certification.lesions,
        "lengths": certification.n,
        "unread": certification.unread,
        "bias_mm": _round_numbers(certification.bias_mm),
        "sd_mm": _round_numbers(certification.sd_mm),
        "share_far": _round_numbers(certification.far),
        "pass_mark": attrs.asdict(certification.pass_mark),
        "cells": [
            {
                "lesion_id": length.true.lesion_id,
                "study_date": length.true.study_date.isoformat(),
                "sequence": length.true.sequence.value,
                "true_mm": number(length.true.ap_mm),
                "length_mm": number(length.length_mm),
                "error_mm": number(length.error_mm),
                "missing": length.missing,
            }
            for length in score.lengths
        ],
    }


def _round_numbers(estimate: Estimate) -> dict[str, float | None]:
    return {
        name: None if value is None else round(value, 4)
        for name, value in attrs.asdict(estimate).items()
    }


COMMANDS: Final = (certify_group,)
