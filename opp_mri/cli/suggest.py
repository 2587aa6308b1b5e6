"""The verbs `suggest` and `suggest-levels`: proposals to look at, none of which is recorded."""

from pathlib import Path
from typing import Any, Final

import click

from opp_mri.cli.shared.json_output import unstructure
from opp_mri.cli.shared.options import (
    existing_file,
    format_example,
    json_option,
    project_option,
    scheduler_option,
)
from opp_mri.cli.show import show_json, show_table
from opp_mri.domain.proposal import Abstention
from opp_mri.suggestion.label_maps import LabelTool
from opp_mri.units import format_mm
from opp_mri.workflow.executors import open_cluster
from opp_mri.workflow.project import open_project
from opp_mri.workflow.suggesting.cells import SuggestedCell
from opp_mri.workflow.suggesting.levels import suggest_levels
from opp_mri.workflow.suggesting.suggest import suggest_lesion

COLUMNS: Final = ("Date", "Sequence", "Proposal", "Standard error", "Slice", "Body share", "Note")
LEVEL_COLUMNS: Final = ("Lesion", "Recorded level", "Suggested level", "Note")


@click.command("suggest", epilog=format_example("opp-mri suggest L1 --project study"))
@click.argument("lesion_id", metavar="LESION")
@project_option
@json_option
@scheduler_option
def suggest_command(lesion_id: str, project_folder: Path, as_json: bool, scheduler: str) -> None:
    """Propose the greatest AP extent of LESION on each sequence of each visit.

    A proposal is not a measurement: it is not recorded, and never enters a timeline, a table or a
    report. Where there is no proposal, the reason is given. Follow-ups need a confirmed
    registration (`opp-mri fit confirm`).
    """
    with open_project(project_folder) as project, open_cluster(scheduler) as executor:
        cells = suggest_lesion(project.store, lesion_id, executor=executor)
    if as_json:
        show_json([_build_suggestion_json(lesion_id, cell) for cell in cells])
        return
    show_table(COLUMNS, [_build_row(cell) for cell in cells])
    click.echo("Proposals, not measurements: nothing was recorded.", err=True)


@click.command(
    "suggest-levels",
    epilog=format_example(
        "opp-mri suggest-levels seg-vert.nii.gz --tool spineps --series 3f2a --project study"
    ),
)
@click.argument("label_map", metavar="FILE", type=existing_file)
@click.option(
    "--tool",
    type=click.Choice([tool.value for tool in LabelTool]),
    required=True,
    help="The program that wrote FILE; of SPINEPS the vertebra mask (seg-vert).",
)
@click.option(
    "--series",
    "volume_id",
    metavar="VOLUME",
    required=True,
    help="The volume that was segmented, as `opp-mri series` lists it.",
)
@project_option
@json_option
def suggest_levels_command(
    label_map: Path, tool: str, volume_id: str, project_folder: Path, as_json: bool
) -> None:
    """Suggest the levels of a patient's lesions from a label map of another program.

    FILE is a NIfTI label map in the space of the series that was segmented. Each suggestion is
    shown next to the recorded level, and nothing is recorded. To take a suggestion over, a reader
    corrects the lesion by `opp-mri lesion add --replace`.
    """
    with open_project(project_folder) as project:
        vertebrae, levels = suggest_levels(project.store, label_map, LabelTool(tool), volume_id)
    if as_json:
        show_json(
            {
                "vertebrae": [unstructure(vertebra) for vertebra in vertebrae],
                "lesions": [unstructure(level) for level in levels],
            }
        )
        return
    click.echo(f"Vertebrae in the label map: {', '.join(v.level for v in vertebrae)}.")
    show_table(
        LEVEL_COLUMNS,
        [
            (level.lesion_id, level.recorded_level, level.suggested_level or "none", level.note)
            for level in levels
        ],
    )
    click.echo("Suggestions, not levels: nothing was recorded.", err=True)


def _build_row(cell: SuggestedCell) -> tuple[str, ...]:
    answer, head = cell.answer, (f"{cell.study_date}", cell.sequence.value)
    if isinstance(answer, Abstention):
        share = "" if answer.body_share is None else f"{answer.body_share:.0%}"
        return (*head, "none", "", "", share, answer.reason.sentence)
    return (
        *head,
        format_mm(answer.length_mm),
        f"{answer.standard_error_mm:.2f} mm",
        str(answer.slice_index + 1),
        f"{answer.body_share:.0%}",
        "An end is at the cortex." if answer.end_at_wall else "",
    )


def _build_suggestion_json(lesion_id: str, cell: SuggestedCell) -> dict[str, Any]:
    answer = cell.answer
    record: dict[str, Any] = {
        "lesion_id": lesion_id,
        "study_date": cell.study_date.isoformat(),
        "sequence": cell.sequence.value,
        "proposed": not isinstance(answer, Abstention),
    }
    if isinstance(answer, Abstention):
        return record | {
            "reason": answer.reason.value,
            "sentence": answer.reason.sentence,
            "body_share": answer.body_share,
        }
    return record | {
        "volume_id": cell.volume_id,
        "sop_instance_uid": cell.sop_instance_uid,
        "frame_number": cell.frame_number,
        **{name: value for name, value in unstructure(answer).items() if name != "role"},
    }


COMMANDS: Final = (suggest_command, suggest_levels_command)
