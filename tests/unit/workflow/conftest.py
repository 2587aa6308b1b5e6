"""A project's store with two studies of one patient and one of another, made without files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.makers import NOON, STUDIES, make_instance, make_lesion, study_volume

from opp_mri.domain.imaging import FileStatus, SeriesRole, SourceFile, VolumeDescription
from opp_mri.store.protocol import CatalogueEntry
from opp_mri.store.sql import SqlStore, open_sqlite


@pytest.fixture
def fill() -> Callable[[SqlStore, list[VolumeDescription]], None]:
    """Put volumes into a store, with the files and instances that they stand on."""

    def put(store: SqlStore, volumes: list[VolumeDescription]) -> None:
        store.add_files(
            [
                CatalogueEntry(
                    source=SourceFile(
                        path=f"/{frame.sop_instance_uid}", size_bytes=1, modified_ns=1
                    ),
                    status=FileStatus.IMAGE,
                    instance=make_instance(
                        frame.sop_instance_uid,
                        patient_id=volume.patient_id,
                        study_instance_uid=volume.study_instance_uid,
                        study_date=volume.study_date,
                        series_instance_uid=volume.series_instance_uid,
                    ),
                    likeness=frame.sop_instance_uid[:16],
                )
                for volume in volumes
                for frame in volume.frames
            ]
        )
        store.replace_volumes(sorted({volume.patient_id for volume in volumes}), volumes)

    return put


@pytest.fixture
def store(
    tmp_path: Path, fill: Callable[[SqlStore, list[VolumeDescription]], None]
) -> Iterator[SqlStore]:
    store = open_sqlite(tmp_path / "store.sqlite", create=True)
    fill(
        store,
        [
            *(study_volume(study, SeriesRole.T1) for study in STUDIES),
            study_volume("before", None),
            study_volume("after", SeriesRole.T2FS, patient_id="P2", study_instance_uid="1.other"),
        ],
    )
    store.add_lesions([make_lesion("L")], NOON)
    yield store
    store.close()
