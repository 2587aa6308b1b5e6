"""Verbs of archives: pacs find, pull, push, watch."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import attrs
import click

from opp_mri.cli.pacs.peers import peer_group
from opp_mri.cli.shared.options import format_example, json_option, project_option
from opp_mri.cli.show import show_json, show_progress, show_table
from opp_mri.domain.peer import RemoteStudy, StudyQuery
from opp_mri.errors import PeerError
from opp_mri.units import format_count
from opp_mri.workflow.pacs.choosing import SeriesChoice
from opp_mri.workflow.pacs.finding import STUDY_COLUMNS, ListedStudy, find_studies, watch_patients
from opp_mri.workflow.pacs.peers import find_default_folder, find_peer
from opp_mri.workflow.pacs.pulling import PullChoice, PulledSeries, PullSummary, pull_studies
from opp_mri.workflow.pacs.pushing import push_reports
from opp_mri.workflow.progress import Progress
from opp_mri.workflow.project import open_project

day_type = click.DateTime(["%Y-%m-%d"])


@click.group("pacs")
def pacs_group() -> None:
    """Find, pull and push studies and reports in an archive (PACS), by DICOMweb or DIMSE."""


pacs_group.add_command(peer_group)

patient_option = click.option("--patient", "patient_id", help="PatientID; * and ? stand for more.")
study_option = click.option("--study", "study_instance_uid", help="One study, by its UID.")
from_option = click.option("--from", "earliest", type=day_type, help="Earliest study date.")
to_option = click.option("--to", "latest", type=day_type, help="Latest study date.")


@pacs_group.command(
    "find",
    epilog=format_example("opp-mri pacs find archive --patient 4711 --series --project study"),
)
@click.argument("peer_name", metavar="PEER")
@patient_option
@click.option("--name", "patient_name", help="Name of the patient, such as 'Doe^*'.")
@study_option
@from_option
@to_option
@click.option("--series", "with_series", is_flag=True, help="Look at one header of each series.")
@project_option
@json_option
def find_command(
    peer_name: str,
    patient_id: str | None,
    patient_name: str | None,
    study_instance_uid: str | None,
    earliest: datetime | None,
    latest: datetime | None,
    with_series: bool,
    project_folder: Path,
    as_json: bool,
) -> None:
    """Find MR studies in the archive PEER; with --series, which series could have a role."""
    query = StudyQuery(
        patient_id=patient_id,
        patient_name=patient_name,
        study_instance_uid=study_instance_uid,
        earliest=earliest.date() if earliest else None,
        latest=latest.date() if latest else None,
    )
    if not any((patient_id, patient_name, study_instance_uid, earliest, latest)):
        raise click.UsageError("Give --patient, --name, --study, --from or --to.")
    with open_project(project_folder) as project:
        studies = find_studies(
            project, find_peer(project, peer_name), query, with_series=with_series
        )
    if as_json:
        show_json([_build_study_json(study) for study in studies])
        return
    _show_studies(studies)
    for study_with_series in studies:
        if study_with_series.series:
            click.echo(f"\nStudy {study_with_series.study.study_instance_uid}")
            show_table(
                SERIES_COLUMNS, [_build_series_row(choice) for choice in study_with_series.series]
            )


SERIES_COLUMNS: Final = ("Series", "Description", "Images", "Pulled", "Role", "Reason")


def _show_studies(studies: list[ListedStudy] | tuple[ListedStudy, ...]) -> None:
    show_table(
        (*STUDY_COLUMNS, "Study"),
        [[*study.build_row(), study.study.study_instance_uid] for study in studies],
    )


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _build_series_row(choice: SeriesChoice) -> list[str]:
    series = choice.series
    return [
        _count(series.series_number),
        series.series_description or "-",
        _count(series.instance_count),
        "yes" if choice.is_wanted else "no",
        choice.role.value if choice.role else "-",
        choice.reason,
    ]


def _build_study_json(entry: ListedStudy) -> dict[str, object]:
    return {
        **_build_remote_json(entry.study),
        "in_project": entry.is_here,
        "series": [_build_series_json(choice) for choice in entry.series],
    }


def _build_remote_json(study: RemoteStudy) -> dict[str, object]:
    return {
        "patient_id": study.patient_id,
        "study_instance_uid": study.study_instance_uid,
        "study_date": study.study_date.isoformat() if study.study_date else None,
        "study_description": study.study_description,
        "series_count": study.series_count,
        "instance_count": study.instance_count,
    }


def _build_series_json(choice: SeriesChoice) -> dict[str, object]:
    return {
        "series_instance_uid": choice.series.series_instance_uid,
        "series_number": choice.series.series_number,
        "series_description": choice.series.series_description,
        "instance_count": choice.series.instance_count,
        "wanted": choice.is_wanted,
        "role": choice.role.value if choice.role else None,
        "reason": choice.reason,
    }


@pacs_group.command(
    "pull", epilog=format_example("opp-mri pacs pull archive --patient 4711 --project study")
)
@click.argument("peer_name", metavar="PEER")
@patient_option
@study_option
@from_option
@to_option
@click.option("--all", "take_all", is_flag=True, help="All series, whatever their headers say.")
@click.option("--reports", "with_reports", is_flag=True, help="Structured reports too.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go; by default the folder pulled in the project.",
)
@project_option
@json_option
def pull_command(
    peer_name: str,
    patient_id: str | None,
    study_instance_uid: str | None,
    earliest: datetime | None,
    latest: datetime | None,
    take_all: bool,
    with_reports: bool,
    folder: Path | None,
    project_folder: Path,
    as_json: bool,
) -> None:
    """Pull the series of studies that could have a role from the archive PEER.

    One header of each series is read first; only sagittal series that could have a role are pulled.
    Each object is checked (patient, study, series, UID) before it is written. After an interruption
    the same command continues: what is there and whole is not fetched again.
    """
    if not (patient_id or study_instance_uid):
        raise click.UsageError("Give --patient or --study.")
    query = StudyQuery(
        patient_id=patient_id,
        study_instance_uid=study_instance_uid,
        earliest=earliest.date() if earliest else None,
        latest=latest.date() if latest else None,
    )
    choice = PullChoice(query=query, take_all=take_all, with_reports=with_reports)
    with open_project(project_folder) as project, _show_rate() as progress:
        summary = pull_studies(
            project,
            find_peer(project, peer_name),
            choice,
            folder or find_default_folder(project),
            progress=progress,
        )
    if as_json:
        show_json(_build_pull_json(summary))
    else:
        _show_pull(summary)
    if not summary.is_complete:
        raise PeerError(
            "Not everything arrived as it was asked for: run the command again, and ask the "
            "administrator of the archive if it stays so."
        )


def _show_pull(summary: PullSummary) -> None:
    show_table(SERIES_COLUMNS, [_build_series_row(series.choice) for series in summary.series])
    for pulled_series in summary.series:
        name = _count(pulled_series.choice.series.series_number)
        for sentence, number in pulled_series.faults:
            click.echo(f"Series {name}: {number} not kept. {sentence}", err=True)
        if pulled_series.missing:
            click.echo(f"Series {name}: {pulled_series.missing} listed and not sent.", err=True)
    received_count = sum(series.received for series in summary.series)
    present = sum(series.present for series in summary.series)
    click.echo(
        f"{format_count(len(summary.studies), 'study', 'studies')}: {received_count} received, "
        f"{present} there already, in {summary.folder}."
    )
    click.echo(f"Next: opp-mri index {summary.folder}")


def _build_pull_json(summary: PullSummary) -> dict[str, object]:
    return {
        "folder": str(summary.folder),
        "studies": [_build_remote_json(study) for study in summary.studies],
        "series": [_build_pulled_json(series) for series in summary.series],
        "complete": summary.is_complete,
    }


def _build_pulled_json(series: PulledSeries) -> dict[str, object]:
    return {
        **_build_series_json(series.choice),
        "received": series.received,
        "present": series.present,
        "missing": series.missing,
        "faults": [{"sentence": text, "objects": number} for text, number in series.faults],
    }


@contextmanager
def _show_rate() -> Iterator[Progress]:
    """Show progress with its rate and the time that is left."""
    starts: dict[str, tuple[float, int]] = {}
    with show_progress() as progress:

        def report(step: str, count: int, total: int) -> None:
            start, before = starts.setdefault(step, (time.monotonic(), count))
            spent_s = time.monotonic() - start
            progress(step, count, total)
            if spent_s > 0 and count == total and count > before:
                click.echo(f"{(count - before) / spent_s:.1f} objects per second.", err=True)

        yield report


@pacs_group.command(
    "push", epilog=format_example("opp-mri pacs push archive reports --project study")
)
@click.argument("peer_name", metavar="PEER")
@click.argument(
    "sources",
    metavar="SOURCE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@project_option
@json_option
def push_command(
    peer_name: str, sources: tuple[Path, ...], project_folder: Path, as_json: bool
) -> None:
    """Send reports and key images in SOURCE to the archive PEER, and verify that they arrived.

    What the archive holds already is not sent again. Images of the scanner are never sent.
    """
    with open_project(project_folder) as project:
        peer = find_peer(project, peer_name)
    with _show_rate() as progress:
        summary = push_reports(peer, sources, progress=progress)
    if as_json:
        show_json(
            {
                "objects": [attrs.asdict(item) for item in summary.objects],
                "other_files": summary.other_files,
                "complete": summary.is_complete,
            }
        )
    else:
        states = [item.state for item in summary.objects]
        click.echo(
            f"{format_count(len(states), 'object')}: {states.count('arrived')} arrived, "
            f"{states.count('was there')} were there already, {states.count('failed')} failed; "
            f"{format_count(summary.other_files, 'other file')} not sent."
        )
    for pushed_object in summary.objects:
        if pushed_object.reason:
            click.echo(f"Failed: {pushed_object.file_name}: {pushed_object.reason}.", err=True)
    if not summary.is_complete:
        raise PeerError("Not all objects arrived: see above, and ask the archive's administrator.")


@pacs_group.command("watch", epilog=format_example("opp-mri pacs watch archive --every 30"))
@click.argument("peer_name", metavar="PEER")
@click.option(
    "--every",
    "minutes",
    type=click.FloatRange(min=0.01),
    help="Look again every so many minutes, until Ctrl-C; default: once.",
)
@project_option
@json_option
def watch_command(
    peer_name: str, minutes: float | None, project_folder: Path, as_json: bool
) -> None:
    """List studies of the project's patients that are new in the archive PEER."""

    def wait() -> bool:
        if minutes is None:
            return False
        time.sleep(60 * minutes)
        return True

    with open_project(project_folder) as project:
        peer = find_peer(project, peer_name)
        for new in watch_patients(project, peer, wait=wait):
            if as_json:
                show_json([_build_study_json(study) for study in new])
            elif new:
                _show_studies(new)
            click.echo(f"{format_count(len(new), 'new study', 'new studies')}.", err=as_json)


COMMANDS: Final = (pacs_group,)
