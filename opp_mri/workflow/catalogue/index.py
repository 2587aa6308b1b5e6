"""From sources to a catalogue: find files, read headers, describe volumes, give roles, choose."""

import contextlib
import hashlib
import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Final

import attrs
from attrs import frozen

from opp_mri import __version__
from opp_mri.dicom.copies import compute_likeness, mark_clashes, mark_copies
from opp_mri.dicom.headers.object_store import is_object
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.pixels import compute_pixel_hash
from opp_mri.dicom.roles.selection import select
from opp_mri.dicom.roles.study import assign_roles
from opp_mri.dicom.scan import ScannedFile, scan
from opp_mri.dicom.stacks import describe_series
from opp_mri.domain.imaging import (
    FileStatus,
    Instance,
    RoleCertainty,
    SeriesRole,
    SourceFile,
    Usability,
    VolumeDescription,
)
from opp_mri.errors import InputError, OppMriError, UnknownError
from opp_mri.store.protocol import CatalogueEntry, Store
from opp_mri.workflow.catalogue.identities import add_files
from opp_mri.workflow.catalogue.listing import (
    FileList,
    Name,
    Numbers,
    cut,
    name_file,
    state_file,
)
from opp_mri.workflow.catalogue.patients import find_effective_dates, map_patients
from opp_mri.workflow.executors import ClusterExecutor
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.project import Project

DESCRIBED_BY: Final = f"opp_mri {__version__}, roles 3"  # roles: counts changes of their rules
BATCH: Final = 500  # files that one transaction keeps: what a power cut can lose at most
VOLUMES_BATCH: Final = 100  # likewise, volumes
MOST_LOOKED_AT: Final = 50  # files that are opened to tell what a folder holds
PREAMBLE: Final = 132  # bytes before the first element, DICM included

Described = tuple[tuple[str, ...], list[VolumeDescription]]  # a patient's ids and volumes


@frozen(kw_only=True)
class IndexSummary:
    """What one run of indexing did.

    Parameters
    ----------
    files, read, gone
        Files found in the sources, files among them whose headers were read because they were
        new, had changed, or were read by an older opp_mri, and files that are no longer there.
    counts
        What all files of the project are, not only those of this run.
    in_doubt
        Volumes of the project whose role is in doubt.
    undecodable
        Names of files whose images could not be compared with their look-alikes, as their pixels
        do not decode.
    """

    files: int
    read: int
    gone: int
    counts: Mapping[FileStatus, int]
    in_doubt: int = 0
    undecodable: tuple[str, ...] = ()


def holds_dicom(folder: Path) -> bool:
    """Return whether one of the first files under a folder is DICOM by its preamble."""
    for source in itertools.islice(find_sources([folder]), MOST_LOOKED_AT):
        with contextlib.suppress(OSError), Path(source.path).open("rb") as file:
            if source.member or file.read(PREAMBLE)[-4:] == b"DICM":
                return True
    return False


def index(
    project: Project,
    sources: Sequence[Path | str],
    *,
    workers: int | None = None,
    executor: ClusterExecutor | None = None,
    progress: Progress = ignore_progress,
) -> IndexSummary:
    """Bring the catalogue up to date with some sources; the sources are only read.

    Parameters
    ----------
    sources
        Folders, single files, DICOMDIR files, zip archives, or addresses, as s3://bucket/prefix or
        dicomweb+https://host/dicom-web; none only settles what is pending.
    workers
        Processes that read headers; None for one a core.
    executor
        Workers that read headers instead, and see the sources under the same paths.
    progress
        Told how far the work is.

    Raises
    ------
    InputError
        A source is not there. Nothing was changed.
    PeerError
        The executor was lost, or its workers do not see the sources. What was read is kept.
    """
    store = project.store
    with FileList() as files, FileList() as changed_files:
        present_names = Numbers()
        for part in cut(find_sources(sources)):
            files.add(part)
            present_names.add(map(name_file, part))
        known_files = Numbers()
        gone_files: list[Name] = []
        roots = _list_roots(sources)
        for part in cut(store.read_known_files()):
            known_files.add(map(state_file, part))
            gone_files += _find_gone(part, present_names, roots)
        if gone_files:  # what was left out because of one of them is not known afterwards
            store.forget_files(sorted(gone_files))
            known_files = Numbers(map(state_file, store.read_known_files()))
        outdated_files = Numbers(store.read_outdated_files())
        for part in files.read_parts():
            is_changed = ~known_files.hold([*map(state_file, part)])
            is_changed |= outdated_files.hold([*map(name_file, part)])
            if is_changed.any():
                changed_files.add(list(itertools.compress(part, is_changed)))
        _read_headers(store, changed_files, workers, executor, progress)
        undecodable = describe_stale(project, progress=progress)
        return IndexSummary(
            files=len(files),
            read=len(changed_files),
            gone=len(gone_files),
            counts=store.count_files(),
            in_doubt=store.count_in_doubt(),
            undecodable=undecodable,
        )


def describe_stale(project: Project, *, progress: Progress = ignore_progress) -> tuple[str, ...]:
    """Describe the volumes of all patients of whom something changed, and choose among them.

    Returns
    -------
    tuple of str
        Names of files whose pixels could not be decoded for a comparison.
    """
    store = project.store
    undecodable = _hash_look_alikes(store, progress)
    gradient = project.settings.allow_gradient_echo
    store.describe_with(f"{DESCRIBED_BY}, allow_gradient_echo = {gradient}")
    groups, overrides = map_patients(store), store.get_role_overrides()
    together = list(dict.fromkeys(groups.group(patient) for patient in store.get_stale_patients()))
    batch: list[Described] = []
    try:
        for number, patient_ids in enumerate(together):
            progress("describing series", number, len(together))
            batch.append((patient_ids, _describe(project, patient_ids, overrides)))
            if sum(len(volumes) for _, volumes in batch) >= VOLUMES_BATCH:
                _keep_volumes(store, batch)
                batch = []
    finally:
        _keep_volumes(store, batch)  # on Ctrl-C too
    if together:
        progress("describing series", len(together), len(together))
    return undecodable


def _keep_volumes(store: Store, batch: Sequence[Described]) -> None:
    if batch:
        store.replace_volumes(
            [patient_id for patient_ids, _ in batch for patient_id in patient_ids],
            [volume for _, volumes in batch for volume in volumes],
        )


def override_role(
    project: Project, volume_id: str, role: SeriesRole | None, at: datetime
) -> VolumeDescription:
    """Record that a reader gives a volume a role, or none, and choose again in its study.

    Parameters
    ----------
    volume_id
        As `opp-mri series` lists it.
    role
        The sequence; None where the volume is to play no part.
    at
        When, with a time zone.

    Returns
    -------
    VolumeDescription
        The volume as it is described now.

    Raises
    ------
    UnknownError
        The project has no such volume.
    InputError
        Nothing can be measured on the volume, so it can have no role.
    """
    volume = _get_known_volume(project, volume_id)
    if role is not None and volume.usability is Usability.NOTHING:
        raise InputError(f"Volume {volume_id} can have no role: {volume.refusal}")
    project.store.add_role_override(volume_id, role, at)
    return _describe_again(project, volume)


def clear_override(project: Project, volume_id: str, at: datetime) -> VolumeDescription:
    """Record that the headers decide again on a volume's role, and choose again in its study."""
    volume = _get_known_volume(project, volume_id)
    project.store.clear_role_override(volume_id, at)
    return _describe_again(project, volume)


def _get_known_volume(project: Project, volume_id: str) -> VolumeDescription:
    volume = project.store.get_volume(volume_id)
    if volume is None:
        raise UnknownError(
            f"There is no volume {volume_id}: `opp-mri series` lists the volumes with their ids."
        )
    return volume


def _describe_again(project: Project, volume: VolumeDescription) -> VolumeDescription:
    project.store.mark_stale([volume.patient_id])
    describe_stale(project)
    return _get_known_volume(project, volume.volume_id)


def _read_headers(
    store: Store, changed_files: FileList, workers: int | None,
    executor: ClusterExecutor | None, progress: Progress,
) -> None:  # fmt: skip
    batch: list[CatalogueEntry] = []
    count = 0
    if executor is not None:
        workers = executor.count_workers()
    try:
        for scanned_file in scan(changed_files, workers=workers, executor=executor):
            batch.append(_build_entry(scanned_file))
            count += 1
            if len(batch) >= BATCH:
                add_files(store, batch)
                batch = []
                progress("reading headers", count, len(changed_files))
    finally:
        if batch:  # on Ctrl-C too: what was read is kept
            add_files(store, batch)
    if len(changed_files):
        progress("reading headers", count, len(changed_files))


def _build_entry(scanned_file: ScannedFile) -> CatalogueEntry:
    instance = scanned_file.instance
    if instance is not None and not instance.patient_id:
        instance = attrs.evolve(instance, patient_id=make_stand_in_patient_id(instance))
    return CatalogueEntry(
        source=scanned_file.source,
        status=scanned_file.status,
        detail=scanned_file.detail,
        instance=instance,
        likeness=compute_likeness(instance) if instance else "",
    )


def make_stand_in_patient_id(instance: Instance) -> str:
    """Name the patient of a study that names none: what nobody said is not assumed to be one.

    The same study has the same name at every indexing, so that it can be joined to a patient.
    """
    digest = hashlib.sha256(instance.study_instance_uid.encode()).hexdigest()
    return f"NO-ID-{digest[:10]}"


def _list_roots(sources: Iterable[Path | str]) -> set[str]:
    return {
        str(source).rstrip("/") if is_object(str(source)) else os.path.abspath(source)
        for source in sources
    }


def _find_gone(
    known_files: Sequence[SourceFile], present_names: Numbers, roots: set[str]
) -> Iterator[Name]:
    """Name the known files under the sources that were not found again.

    A folder that could not be looked into was found itself; what is in it is not known to be gone.
    """
    names = [*map(name_file, known_files)]
    for path, member in itertools.compress(names, ~present_names.hold(names)):
        above = _list_above(path)
        folders = [(folder, "") for folder in above - {path}]
        if above & roots and not present_names.hold(folders).any():
            yield path, member


def _list_above(path: str) -> set[str]:
    """Return a path with all folders above it; in an object store, the prefixes of its name."""
    if not is_object(path):
        return {path, *map(str, PurePath(path).parents)}
    parts = path.split("/")
    return {"/".join(parts[:end]) for end in range(3, len(parts) + 1)}


def _hash_look_alikes(store: Store, progress: Progress) -> tuple[str, ...]:
    """Hash the pixels of images that another study may hold too; name those not decodable."""
    uids = store.get_unhashed_look_alikes()
    hashes: dict[str, str] = {}
    undecodable: list[str] = []
    try:
        for start, uid in enumerate(uids):
            progress("comparing look-alikes", start, len(uids))
            if start % BATCH == 0:
                headers = store.get_instances(uids[start : start + BATCH])
                sources = store.get_sources_of(uids[start : start + BATCH])
            instance = headers.get(uid)
            if uid not in sources or instance is None:
                continue
            try:
                frame_numbers = [frame.frame_number for frame in instance.frames]
                hashes[uid] = compute_pixel_hash(sources[uid], *frame_numbers)
            except OppMriError:
                undecodable.append(sources[uid].name)  # equal to nothing, not tried at every run
                hashes[uid] = hashlib.sha256(f"undecodable {uid}".encode()).hexdigest()
            if len(hashes) >= BATCH:
                store.add_pixel_hashes(hashes)
                hashes = {}
    finally:
        store.add_pixel_hashes(hashes)  # on Ctrl-C too
    if uids:
        progress("comparing look-alikes", len(uids), len(uids))
    return tuple(undecodable)


def _describe(
    project: Project,
    patient_ids: Sequence[str],
    overrides: Mapping[str, SeriesRole | None],
) -> list[VolumeDescription]:
    """Describe the volumes of one patient, give them roles, and choose at each time point."""
    store = project.store
    by_series: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for instance in store.get_instances_of(patient_ids):
        by_series[instance.study_instance_uid, instance.series_instance_uid].append(instance)
    volumes_described = [
        volume for instances in by_series.values() for volume in describe_series(instances)
    ]
    volumes = mark_copies(mark_clashes(volumes_described), store.get_pixel_hashes_of(patient_ids))
    dates = find_effective_dates(volumes)
    by_time_point: dict[date | str, list[VolumeDescription]] = defaultdict(list)
    for volume in volumes:
        by_time_point[dates[volume.volume_id] or volume.study_instance_uid].append(volume)
    gradient = project.settings.allow_gradient_echo
    return [
        volume
        for members in by_time_point.values()
        for volume in select(
            [
                _apply_override(description, overrides)
                for description in assign_roles(members, allow_gradient_echo=gradient)
            ]
        )
    ]


def _apply_override(
    volume: VolumeDescription, overrides: Mapping[str, SeriesRole | None]
) -> VolumeDescription:
    if volume.volume_id not in overrides:
        return volume
    role = overrides[volume.volume_id]
    sentence = f"A reader gave it {'the role ' + role.value if role else 'no role'}."
    return attrs.evolve(
        volume,
        role=role,
        role_certainty=RoleCertainty.CERTAIN if role else None,
        role_overridden=True,
        evidence=(*volume.evidence, sentence),
    )
