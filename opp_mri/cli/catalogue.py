"""Verbs of the catalogue: init, index, series, files, patients, role."""

from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.json_output import build_patients_json, build_volume_json
from opp_mri.cli.shared.options import (
    existing_file,
    format_example,
    json_option,
    project_option,
    read_clock,
    refuse_both,
    scheduler_option,
)
from opp_mri.cli.show import show_json, show_progress, show_table
from opp_mri.domain.imaging import (
    HEADER_VERSION,
    FileStatus,
    RoleCertainty,
    SeriesRole,
    VolumeDescription,
)
from opp_mri.units import format_count
from opp_mri.workflow.catalogue.index import (
    IndexSummary,
    clear_override,
    describe_stale,
    index,
    override_role,
)
from opp_mri.workflow.catalogue.patients import (
    find_likely_matches,
    join_patients,
    list_patients,
    list_time_points,
)
from opp_mri.workflow.executors import open_cluster
from opp_mri.workflow.project import create_project, open_project

WORDS: Final = {
    FileStatus.IMAGE: "images in series",
    FileStatus.COPY: "copies of an image that is there already",
    FileStatus.NOT_DICOM: "not DICOM",
    FileStatus.ARCHIVE: "archives that were not opened: unpack them and index what is inside",
    FileStatus.DICOMDIR: "DICOMDIR (a table of contents)",
    FileStatus.STRUCTURED_REPORT: "structured reports",
    FileStatus.NO_PIXELS: "DICOM without pixels",
    FileStatus.TRUNCATED: "truncated",
    FileStatus.UNREADABLE: "unreadable",
}


@click.command("init", epilog=format_example("opp-mri init study"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--database",
    default="",
    help="Keep the store in an empty PostgreSQL database, such as postgresql://host/study.",
)
def init_command(folder: Path, database: str) -> None:
    """Create a project in FOLDER: its store and its settings."""
    create_project(folder, database)
    click.echo(f"Made a project in {folder}. Next: opp-mri index SOURCE --project {folder}")


@click.command("index", epilog=format_example("opp-mri index /data/scans --project study"))
@click.argument("sources", nargs=-1)
@project_option
@click.option(
    "--same-patient",
    type=existing_file,
    help="CSV `patient_id,same_as`: PatientIDs that are one patient. Works without a source too.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes that read headers.")
@scheduler_option
def index_command(
    sources: tuple[str, ...],
    project_folder: Path,
    same_patient: Path | None,
    workers: int | None,
    scheduler: str,
) -> None:
    """Bring the catalogue up to date with SOURCES: folders, files, DICOMDIR, zip archives.

    A source may also be s3://bucket/prefix or dicomweb+https://host/dicom-web, with the account in
    the environment. Sources are only read. Unchanged files are not read again.
    """
    if not sources and same_patient is None:
        raise click.UsageError("Give at least one source, or --same-patient FILE.")
    with open_project(project_folder) as project:
        with show_progress() as progress:
            if sources:
                refuse_both(workers, scheduler)
                with open_cluster(scheduler) as executor:
                    summary = index(
                        project, sources, workers=workers, executor=executor, progress=progress
                    )
                _show_summary(summary)
            if same_patient:
                pair_count = join_patients(project.store, same_patient, read_clock())
                describe_stale(project, progress=progress)
                click.echo(f"{format_count(pair_count, 'new pair')} of PatientIDs joined.")
        proposals = find_likely_matches(project.store)
        if proposals:
            click.echo(
                f"PatientIDs that may be one patient: {format_count(len(proposals), 'pair')}; "
                "`opp-mri patients` names them."
            )


def _show_summary(summary: IndexSummary) -> None:
    click.echo(f"{format_count(summary.files, 'file')} found, {summary.read} new or changed.")
    if summary.gone:
        click.echo(f"Removed, because they no longer exist: {format_count(summary.gone, 'file')}.")
    click.echo("The project holds:")
    for status in FileStatus:
        if count := summary.counts.get(status, 0):
            click.echo(f"  {count:>8}  {WORDS[status]}")
    if summary.in_doubt:
        click.echo(
            f"{format_count(summary.in_doubt, 'volume')} in doubt, not used until settled: "
            "`opp-mri series` lists them first."
        )
    if summary.undecodable:
        first = summary.undecodable[0]
        click.echo(
            f"{format_count(len(summary.undecodable), 'image')} could not be compared, since "
            "the pixels "
            f"do not decode: {first}{' and others' if len(summary.undecodable) > 1 else ''}. "
            "Obtain the files again from their source."
        )


@click.command("series", epilog=format_example("opp-mri series --project study --selected"))
@project_option
@json_option
@click.option("--selected", is_flag=True, help="Only the volumes that were chosen for a role.")
@click.option("--evidence", is_flag=True, help="Show the evidence for each volume.")
@click.option("--frames", is_flag=True, help="With --json: name each image, in order of position.")
def series_command(
    project_folder: Path, as_json: bool, selected: bool, evidence: bool, frames: bool
) -> None:
    """List the volumes with their roles, those in doubt first.

    One series of the files may hold several volumes. A role is certain, likely or in doubt; what
    is in doubt is not used until `opp-mri role` settles it.
    """
    with open_project(project_folder) as project:
        volumes = [v for v in project.store.get_volumes() if v.selected or not selected]
    volumes.sort(key=lambda volume: not volume.is_in_doubt)  # keeps the order otherwise
    if as_json:
        show_json([build_volume_json(volume, frames=frames) for volume in volumes])
        return
    columns = ["Volume", "Patient", "Study", "Series", "Plane", "Slices", "Role", "Certainty"]
    columns += ["Chosen", "Note"]
    show_table(columns, [_build_series_row(volume) for volume in volumes])
    if evidence:
        for volume in volumes:
            click.echo(f"{volume.volume_id}: {' '.join(volume.evidence)}")
    old = [volume for volume in volumes if volume.instance.header_version < HEADER_VERSION]
    if old:
        click.echo(
            f"The headers of {format_count(len(old), 'volume')} were read by an older opp_mri, "
            "which read fewer attributes: run `opp-mri index` again with the folders of the images."
        )
    if doubtful := [volume for volume in volumes if volume.is_in_doubt]:
        click.echo(
            f"{format_count(len(doubtful), 'volume')} in doubt, not used until settled: look at "
            f"the images, then `opp-mri role {doubtful[0].volume_id} ROLE`, or `none` for the role."
        )


def _build_series_row(volume: VolumeDescription) -> list[str]:
    is_settled = volume.role is not None and not volume.is_in_doubt
    note = volume.refusal or ("" if is_settled else " ".join(volume.evidence[-1:]))
    if volume.duplicate_of:
        note = f"The same pixels as {volume.duplicate_of}."
    number = volume.instance.series_number
    role = volume.role.value if volume.role else "-"
    if volume.role_overridden:
        role = f"{role} (reader)"
    elif volume.role_certainty is RoleCertainty.IN_DOUBT:
        role = f"{role}?"
    return [
        volume.volume_id,
        volume.patient_id,
        str(volume.study_date or "no date"),
        f"{'' if number is None else number} {volume.instance.series_description}".strip(),
        volume.plane.value if volume.plane else "unknown",
        str(len(volume.frames)),
        role,
        volume.role_certainty.value if volume.role_certainty else "",
        "yes" if volume.selected else "",
        note,
    ]


@click.command("files", epilog=format_example("opp-mri files --project study"))
@project_option
@json_option
@click.option(
    "--left-out", is_flag=True, help="Only files that belong to no series, with the reason."
)
def files_command(project_folder: Path, as_json: bool, left_out: bool) -> None:
    """List every file with its status."""
    with open_project(project_folder) as project:
        entries = project.store.get_files(left_out_only=left_out)
    if as_json:
        show_json(
            [{"file": e.source.name, "status": e.status.value, "detail": e.detail} for e in entries]
        )
        return
    rows = [[entry.status.value, entry.source.name, entry.detail] for entry in entries]
    show_table(["Status", "File", "Detail"], rows)


@click.command("patients", epilog=format_example("opp-mri patients --project study"))
@project_option
@json_option
def patients_command(project_folder: Path, as_json: bool) -> None:
    """List patients with their time points, and PatientIDs that may be one patient.

    Proposed matches are joined only by `opp-mri index --same-patient FILE`.
    """
    with open_project(project_folder) as project:
        store = project.store
        patient_points = [
            (patient, list_time_points(store, patient.patient_id))
            for patient in list_patients(store)
        ]
        matches = find_likely_matches(store)
    if as_json:
        show_json(build_patients_json(patient_points, matches))
        return
    rows = [
        [
            ", ".join(patient.patient_ids),
            str(point.study_date or "no date"),
            str(len(point.study_instance_uids)),
            ", ".join(role.value for role in SeriesRole if point.get_chosen(role)) or "-",
        ]
        for patient, points in patient_points
        for point in points
    ]
    show_table(["Patient", "Time point", "Studies", "Roles"], rows)
    for match in matches:
        click.echo(
            f"Proposed: {match.patient_ids[0]} and {match.patient_ids[1]} may be one patient "
            f"({'; '.join(match.reasons)})."
        )


@click.command("role", epilog=format_example("opp-mri role d6396be36c68 T2FS --project study"))
@click.argument("volume_id")
@click.argument("role", type=click.Choice([*[r.value for r in SeriesRole], "none", "header"]))
@project_option
def role_command(volume_id: str, role: str, project_folder: Path) -> None:
    """Settle the role of a volume: a role, `none`, or `header` to let the headers decide again.

    The decision is kept and survives re-indexing. It also settles a role that is in doubt.
    """
    with open_project(project_folder) as project:
        if role == "header":
            volume = clear_override(project, volume_id, read_clock())
        else:
            sequence = None if role == "none" else SeriesRole(role)
            volume = override_role(project, volume_id, sequence, read_clock())
    role_name = volume.role.value if volume.role else "no role"
    selection_note = ", chosen for its study" if volume.selected else ""
    click.echo(f"Volume {volume_id}: {role_name}{selection_note}.")


COMMANDS: Final = (
    init_command,
    index_command,
    series_command,
    files_command,
    patients_command,
    role_command,
)
