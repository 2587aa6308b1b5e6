"""Headers that an older opp_mri read are read again, and said to be old until then."""

from pathlib import Path

import attrs
from click.testing import CliRunner
from fixtures.dicom_makers import T1, write_series

from opp_mri.cli.app import cli
from opp_mri.domain.imaging import HEADER_VERSION
from opp_mri.store.protocol import CatalogueEntry
from opp_mri.workflow.catalogue.index import describe_stale, index
from opp_mri.workflow.project import create_project, open_project


def test_old_header_records_are_named_and_read_again_by_index(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", T1)
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        store = project.store
        assert index(project, [tmp_path / "dicom"], workers=1).read == 4
        assert index(project, [tmp_path / "dicom"], workers=1).read == 0
        headers = store.get_instances(
            [frame.sop_instance_uid for frame in store.get_volumes()[0].frames]
        )
        sources = store.get_sources_of(headers)
        store.add_files(
            [
                CatalogueEntry(
                    source=sources[uid],
                    status=store.get_files()[0].status,
                    instance=attrs.evolve(header, header_version=HEADER_VERSION - 1),
                )
                for uid, header in headers.items()
            ]
        )
        describe_stale(project)
        assert len(list(store.read_outdated_files())) == 4
    result = CliRunner().invoke(cli, ["series", "--project", str(tmp_path / "project")])
    assert "were read by an older opp_mri" in result.output
    with open_project(tmp_path / "project") as project:
        assert index(project, [tmp_path / "dicom"], workers=1).read == 4
        assert not list(project.store.read_outdated_files())
    result = CliRunner().invoke(cli, ["series", "--project", str(tmp_path / "project")])
    assert "older opp_mri" not in result.output
