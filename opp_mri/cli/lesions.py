"""Verbs of lesions and readings: lesion add / list / event, measure, readings."""

from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import click

from opp_mri.cli.shared.json_output import build_contours_json, build_reading_json, unstructure
from opp_mri.cli.shared.options import (
    all_or_none_option,
    existing_file,
    format_example,
    json_option,
    project_option,
    read_clock,
)
from opp_mri.cli.show import show_json, show_table
from opp_mri.domain.columns.column import Column
from opp_mri.domain.columns.lesion import SEED_COLUMNS
from opp_mri.domain.measurement import Reading
from opp_mri.domain.timeline import Origin
from opp_mri.errors import RowsError
from opp_mri.tables.lesions import ENTRY_COLUMNS
from opp_mri.units import format_cc, format_count, format_mm
from opp_mri.workflow.measuring.blinding import list_blinded_readers
from opp_mri.workflow.measuring.contours import MeasuredContours, list_measured_contours
from opp_mri.workflow.measuring.lesions import add_events, add_lesion, add_lesions
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.project import open_project


@click.group("lesion")
def lesion_group() -> None:
    """Add and list lesions, and record their events."""


def _add_column_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add to a command an option for each column of the lesion table."""
    columns: tuple[Column[Any], ...] = (*ENTRY_COLUMNS, *SEED_COLUMNS)
    for column in reversed(columns):
        name = f"--{column.name.replace('_', '-')}"
        command = click.option(name, column.name, help=column.help_text)(command)
    return command


@lesion_group.command(
    "add", epilog=format_example("opp-mri lesion add --table lesions.csv --project study")
)
@click.option("--table", type=existing_file, help="CSV of lesions with one column per option.")
@_add_column_options
@click.option("--replace", is_flag=True, help="Correct lesions that are already recorded.")
@all_or_none_option
@project_option
def add_command(
    table: Path | None, replace: bool, all_or_none: bool, project_folder: Path, **cells: str | None
) -> None:
    """Add one lesion by options, or those of a table.

    Without a seed the midpoint of the lesion's baseline caliper gives its position.
    """
    filled_cells = {column: value for column, value in cells.items() if value is not None}
    if (table is None) == (not filled_cells):
        raise click.UsageError("Give either --table FILE, or the lesion by its options.")
    with open_project(project_folder) as project:
        if table is not None:
            lesions = add_lesions(
                project.store, table, read_clock(), replace=replace, all_or_none=all_or_none
            )
            click.echo(f"Recorded: {format_count(len(lesions), 'lesion')}.")
        else:
            lesion = add_lesion(project.store, filled_cells, read_clock(), replace=replace)
            click.echo(f"Lesion {lesion.lesion_id} at {lesion.level} is recorded.")


@lesion_group.command(
    "event", epilog=format_example("opp-mri lesion event events.csv --project study")
)
@click.argument("table", type=existing_file)
@all_or_none_option
@project_option
def event_command(table: Path, all_or_none: bool, project_folder: Path) -> None:
    """Record the events of TABLE, CSV `lesion_id,date,event,value`.

    Events: systemic_therapy_change, other_bone_lesions (enlarged, not_enlarged, unknown),
    local_retreatment, exclusion; and, recorded but never deciding, fracture, epidural_growth and
    paraspinal_growth.
    """
    with open_project(project_folder) as project:
        count = add_events(project.store, table, read_clock(), all_or_none=all_or_none)
    click.echo(f"Recorded: {format_count(count, 'new event')}.")


@lesion_group.command("list", epilog=format_example("opp-mri lesion list --project study"))
@project_option
@json_option
def list_command(project_folder: Path, as_json: bool) -> None:
    """List the lesions."""
    with open_project(project_folder) as project:
        lesions = project.store.get_lesions()
    if as_json:
        show_json(unstructure(lesions))
        return
    rows = [
        [
            lesion.lesion_id,
            lesion.patient_id,
            lesion.level,
            lesion.histology or "-",
            str(lesion.ssrs_last_date),
            "-" if lesion.dose_gy is None else str(lesion.dose_gy),
            "-" if lesion.fractions is None else str(lesion.fractions),
        ]
        for lesion in lesions
    ]
    columns = ["Lesion", "Patient", "Level", "Histology", "SSRS ended", "Dose Gy", "Fractions"]
    show_table(columns, rows)


@click.command("measure", epilog=format_example("opp-mri measure calipers.csv --project study"))
@click.argument("calipers", type=existing_file)
@all_or_none_option
@project_option
@json_option
def measure_command(calipers: Path, all_or_none: bool, project_folder: Path, as_json: bool) -> None:
    """Measure the CALIPERS of a CSV or JSON file and record the readings.

    Columns: lesion_id, sequence, reader, sop_instance_uid, frame, column_1, row_1, column_2, row_2
    and, optionally, length_mm, study_date, answer, reason, override_reason. Frames are numbered
    from 1; 0, 0 is the centre of the first pixel. If sequence is empty, the role of the series is
    used. The length is computed from the geometry of the image; a length_mm that contradicts it is
    refused. So is a line on an image that is not sagittal, or whose series has no role, a role in
    doubt, or a different role; an override_reason records it nevertheless, and stays with the
    reading.
    """
    with open_project(project_folder) as project:
        summary = measure(project.store, calipers, read_clock(), all_or_none=all_or_none)
    if as_json:
        show_json(
            {
                "stored": [build_reading_json(reading, counts=True) for reading in summary.stored],
                "repeated": summary.repeated,
                "refused": [attrs.asdict(fault) for fault in summary.refused],
            }
        )
    else:
        _show_readings(summary.stored, {reading.reading_id for reading in summary.stored})
        if summary.repeated:
            click.echo(
                f"Recorded already, so not added again: {format_count(summary.repeated, 'row')}."
            )
    if summary.refused:
        stored_count = len(summary.stored) + summary.repeated
        raise RowsError(calipers.name, summary.refused, stored_count)


@click.command("readings", epilog=format_example("opp-mri readings --lesion OPP-01"))
@project_option
@click.option("--lesion", "lesion_id", help="Only those of one lesion.")
@json_option
def readings_command(project_folder: Path, lesion_id: str | None, as_json: bool) -> None:
    """List every reading in the order in which it was recorded; none is ever changed.

    Lengths come first, then the contours of volumes.
    """
    with open_project(project_folder) as project:
        hidden = list_blinded_readers(project.store)
        all_readings = project.store.get_readings(lesion_id)
        readings = [reading for reading in all_readings if reading.reader not in hidden]
        counted_ids = {
            reading.reading_id for reading in get_counted_readings(project.store, lesion_id)
        }
        drawings = list_measured_contours(project.store, lesion_id)
        shown_drawings = [drawing for drawing in drawings if drawing.reading.reader not in hidden]
    if as_json:
        show_json(
            [build_reading_json(r, counts=r.reading_id in counted_ids) for r in readings]
            + [build_contours_json(d.reading, d.volume, counts=d.counts) for d in shown_drawings]
        )
    else:
        if readings or not shown_drawings:
            _show_readings(readings, counted_ids)
        if shown_drawings:
            _show_contours(shown_drawings)
    count = len(all_readings) - len(readings) + len(drawings) - len(shown_drawings)
    if count:
        click.echo(
            f"Not shown: {format_count(count, 'reading')} of readers "
            "who read "
            "blind, until the blinding is lifted (`opp-mri unblind`).",
            err=True,
        )


def _show_readings(readings: Sequence[Reading], counted_ids: Container[str]) -> None:
    rows = [
        [
            reading.lesion_id,
            str(reading.study_date),
            reading.sequence.value,
            reading.reader,
            "-" if reading.length_mm is None else format_mm(reading.length_mm),
            reading.length_source.value if reading.length_source else reading.answer.value,
            " ".join(_list_remarks(reading, counts=reading.reading_id in counted_ids)),
        ]
        for reading in readings
    ]
    columns = ["Lesion", "Study", "Sequence", "Reader", "AP mm", "From", "Remarks"]
    show_table(columns, rows)


def _show_contours(drawings: Sequence[MeasuredContours]) -> None:
    rows = [
        [
            drawing.reading.lesion_id,
            str(drawing.reading.study_date),
            drawing.reading.sequence.value,
            drawing.reading.reader,
            "-"
            if drawing.volume is None
            else format_cc(drawing.volume.volume_cc, drawing.volume.standard_error_cc),
            format_count(len(drawing.reading.contours), "contour"),
            " ".join(
                remark
                for remark in (
                    "" if drawing.counts else "Draft, not signed.",
                    f"Amended: {drawing.reading.amendment_reason}"
                    if drawing.reading.amendment_reason
                    else "",
                )
                if remark
            ),
        ]
        for drawing in drawings
    ]
    columns = ["Lesion", "Study", "Sequence", "Reader", "Volume cc", "From", "Remarks"]
    show_table(columns, rows)


def _list_remarks(reading: Reading, *, counts: bool) -> list[str]:
    remarks = [] if counts else ["Draft, not signed."]
    if reading.origin is not Origin.DRAWN:
        remarks.append(f"{reading.origin.value.replace('_', ' ').capitalize()}.")
    if reading.amendment_reason:
        remarks.append(f"Amended: {reading.amendment_reason}")
    return [*remarks, *(reading.remarks or ((reading.reason,) if reading.reason else ()))]


COMMANDS: Final = (lesion_group, measure_command, readings_command)
