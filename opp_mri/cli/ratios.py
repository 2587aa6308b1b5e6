"""The verb `t2-ratio`: the signal of lesions against that of marrow that was not irradiated."""

from pathlib import Path
from typing import Any, Final

import click

from opp_mri.cli.shared.json_output import unstructure
from opp_mri.cli.shared.options import format_example, json_option, project_option
from opp_mri.cli.show import show_json, show_table
from opp_mri.units import count_days
from opp_mri.workflow.measuring.blinding import list_blinded_readers
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.signal_ratio import ReadingRatio, list_ratios
from opp_mri.workflow.project import open_project

HEADINGS: Final = (
    "Lesion", "Study", "Reader", "Reference", "T2 ratio", "Lesion mean", "Reference mean", "Note",
)  # fmt: skip


@click.command("t2-ratio", epilog=format_example("opp-mri t2-ratio --lesion OPP-01"))
@project_option
@click.option("--lesion", "lesion_id", help="Only those of one lesion.")
@json_option
def ratio_command(project_folder: Path, lesion_id: str | None, as_json: bool) -> None:
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
    if as_json:
        show_json([_build_json(ratio, days[ratio.reading.reading_id]) for ratio in ratios])
        return
    show_table(HEADINGS, [_build_row(ratio) for ratio in ratios])


def _build_row(ratio: ReadingRatio) -> tuple[str, ...]:
    reading, signal = ratio.reading, ratio.ratio
    head = (reading.lesion_id, f"{reading.study_date}", reading.reader, ratio.level)
    if signal is None:
        return (*head, "-", "-", "-", ratio.refusal)
    means = (f"{signal.lesion_mean:.0f}", f"{signal.reference_mean:.0f}")
    return (*head, f"{signal.ratio:.2f}", *means, "A repeat." if reading.repeat else "")


def _build_json(ratio: ReadingRatio, days_from_ssrs: int) -> dict[str, Any]:
    reading = ratio.reading
    return {
        "lesion_id": reading.lesion_id,
        "study_date": f"{reading.study_date}",
        "days_from_ssrs": days_from_ssrs,
        "sequence": reading.sequence.value,
        "reader": reading.reader,
        "repeat": reading.repeat,
        "reference_level": ratio.level,
        "t2_ratio": None if ratio.ratio is None else ratio.ratio.ratio,
        "signal": unstructure(ratio.ratio),
        "refusal": ratio.refusal,
        "reading_id": reading.reading_id,
    }


COMMANDS: Final = (ratio_command,)
