"""Verbs of a new reader: certify make, certify score."""

import secrets
from pathlib import Path
from typing import Any, Final

import attrs
import click

from opp_mri.agreement.certification import DEFAULT_PASS_MARK, FEWEST_LESIONS
from opp_mri.agreement.lengths import Estimate
from opp_mri.cli.options import example, existing_file, json_option, now
from opp_mri.cli.show import counted, show_json, show_progress, show_table
from opp_mri.units import number
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


@certify_group.command("make", epilog=example("opp-mri certify make lesions --truth truth.json"))
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
    help="Same seed, same lesions and images; drawn anew where it is left out.",
)
@click.option(
    "--patient",
    "patients",
    multiple=True,
    help="Only this patient, such as PHANTOM-01; may be given several times. Left out: five by "
    "the seed.",
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
        made = make_certification(
            folder,
            truth,
            at=now(),
            # a known seed would let anybody write the same phantom with its truth
            seed=secrets.randbelow(LARGEST_SEED) if seed is None else seed,
            patients=patients or None,
            visits=visits,
            coarse=coarse,
            progress=progress,
        )
    click.echo(
        f"{counted(made.lengths, 'length')} to measure on {counted(made.lesions, 'lesion')} in "
        f"{made.folder}."
    )
    click.echo(f"The true lengths are in {made.truth}: keep them from the reader.")
    if made.lengths < DEFAULT_PASS_MARK.lengths_at_least or made.lesions < FEWEST_LESIONS:
        click.echo(
            f"Too few to pass on: it takes {DEFAULT_PASS_MARK.lengths_at_least} lengths on "
            f"{FEWEST_LESIONS} lesions.",
            err=True,
        )


@certify_group.command(
    "score", epilog=example("opp-mri certify score lesions --truth truth.json --reader A")
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--truth",
    required=True,
    type=existing_file,
    help="The file that `opp-mri certify make` wrote.",
)
@click.option("--reader", required=True, help="Who is certified.")
@json_option
def score_command(folder: Path, truth: Path, reader: str, as_json: bool) -> None:
    """Say how a reader measured the lesions in FOLDER, and whether that is enough.

    Lengths count that are signed in the reading room, or handed over with `opp-mri measure`. The
    JSON holds the true lengths, the table does not.
    """
    score = score_certification(folder, truth, reader)
    if as_json:
        show_json(_record(score))
        return
    _show(score)


def _show(score: Score) -> None:
    found = score.certification
    mark = found.pass_mark
    show_table(
        ["", f"{score.reader}, with 95 % interval", "to pass"],
        [
            ["lengths", f"{found.n} on {counted(found.lesions, 'lesion')}",
             f"at least {mark.lengths_at_least}"],
            ["unread or not measurable", f"{found.unread} of {found.n + found.unread}",
             f"at most {mark.unread_at_most:.0%}"],
            ["bias, mm", _written(found.bias_mm, "+.2f"),
             f"interval within {mark.bias_within_mm:.1f} to each side"],
            ["SD of one measurement, mm", _written(found.sd_mm, ".2f"),
             f"at most {mark.sd_at_most_mm:.2f}"],
            [f"more than {mark.far_mm:.1f} mm off", _written(found.far, ".0%"),
             f"at most {mark.far_at_most:.0%}"],
        ],
    )  # fmt: skip
    for one in score.unread:
        true = one.true
        click.echo(
            f"No length: {true.lesion_id}, {true.study_date}, {true.sequence.value}: {one.missing}"
        )
    click.echo(f"Reader {score.reader} {'passed' if found.passed else 'did not pass'}.")
    for reason in found.reasons:
        click.echo(f"  {reason}")


def _written(estimate: Estimate, how: str) -> str:
    if estimate.value is None:
        return "too few"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{how}}"
    return f"{estimate.value:{how}} ({estimate.low:{how}} to {estimate.high:{how}})"


def _record(score: Score) -> dict[str, Any]:
    found = score.certification
    return {
        "reader": score.reader,
        "passed": found.passed,
        "reasons": list(found.reasons),
        "lesions": found.lesions,
        "lengths": found.n,
        "unread": found.unread,
        "bias_mm": _rounded(found.bias_mm),
        "sd_mm": _rounded(found.sd_mm),
        "share_far": _rounded(found.far),
        "pass_mark": attrs.asdict(found.pass_mark),
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


def _rounded(estimate: Estimate) -> dict[str, float | None]:
    return {
        name: None if value is None else round(value, 4)
        for name, value in attrs.asdict(estimate).items()
    }


COMMANDS: Final = (certify_group,)
