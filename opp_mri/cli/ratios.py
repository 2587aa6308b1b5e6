"""The verb `t2-ratio`: the signal of lesions against that of marrow that was not irradiated."""

from pathlib import Path
from typing import Any, Final

import click

from opp_mri.cli.shared.options import format_example, json_option, project_option
from opp_mri.cli.show import show_json, show_table
from opp_mri.cohort.export.csv_text import guard_text, write_csv_rows
from opp_mri.files import write_bytes
from opp_mri.units import count_days
from opp_mri.workflow.measuring.blinding import list_blinded_readers
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.signal_ratio import ReadingRatio, list_ratios
from opp_mri.workflow.project import open_project

HEADINGS: Final = (
    "Lesion", "Study", "Reader", "Reference", "T2 ratio", "Lesion mean", "Reference mean", "Note",
)  # fmt: skip

COLUMNS: Final = (
    "lesion_id", "study_date", "days_from_ssrs", "sequence", "reader", "repeat", "reference_level",
    "t2_ratio", "lesion_mean", "reference_mean", "lesion_pixels", "reference_pixels", "refusal",
    "reading_id",
)  # fmt: skip


@click.command("t2-ratio", epilog=format_example("opp-mri t2-ratio --lesion OPP-01"))
@project_option
@click.option("--lesion", "lesion_id", help="Only those of one lesion.")
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them to a CSV file too, with the columns of --json.",
)
@json_option
def ratio_command(
    project_folder: Path, lesion_id: str | None, csv_path: Path | None, as_json: bool
) -> None:
    """List the T2 ratios of signed contours with a reference vertebra.

    The T2 ratio is the mean signal within the lesion's contours on T2FS divided by the mean within
    contours of a vertebra that was not irradiated, on the same series, named and drawn by the
    reader. It is computed from the images each time. Where it is refused, the reason is given.
    """
    with open_project(project_folder) as project:
        hidden = list_blinded_readers(project.store)
        ratios = [
            ratio
            for ratio in list_ratios(project.store, lesion_id)
            if ratio.reading.reader not in hidden
        ]
        days = {
            ratio.reading.reading_id: count_days(
                find_lesion(project.store, ratio.reading.lesion_id).ssrs_last_date,
                ratio.reading.study_date,
            )
            for ratio in ratios
        }
    records = [_build_record(ratio, days[ratio.reading.reading_id]) for ratio in ratios]
    if csv_path is not None:
        rows = [["" if value is None else guard_text(f"{value}") for value in record.values()]
                for record in records]  # fmt: skip
        write_bytes(csv_path, write_csv_rows(COLUMNS, rows))
    if as_json:
        show_json(records)
        return
    show_table(HEADINGS, [_build_row(ratio) for ratio in ratios])


def _build_row(ratio: ReadingRatio) -> tuple[str, ...]:
    reading, signal = ratio.reading, ratio.ratio
    head = (reading.lesion_id, f"{reading.study_date}", reading.reader, ratio.level)
    if signal is None:
        return (*head, "-", "-", "-", ratio.refusal)
    means = (f"{signal.lesion_mean:.0f}", f"{signal.reference_mean:.0f}")
    return (*head, f"{signal.ratio:.2f}", *means, "A repeat." if reading.repeat else "")


def _build_record(ratio: ReadingRatio, days_from_ssrs: int) -> dict[str, Any]:
    reading, signal = ratio.reading, ratio.ratio
    values = (
        reading.lesion_id, f"{reading.study_date}", days_from_ssrs, reading.sequence.value,
        reading.reader, reading.repeat, ratio.level,
        *((None,) * 5 if signal is None else (
            signal.ratio, signal.lesion_mean, signal.reference_mean, signal.lesion_pixels,
            signal.reference_pixels,
        )),
        ratio.refusal, reading.reading_id,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


COMMANDS: Final = (ratio_command,)
