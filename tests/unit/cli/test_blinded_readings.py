"""The project shows no reading of a reader who still reads blind, whoever asks."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study, read_all

from opp_mri.cli.app import cli
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.protocol import unblind
from opp_mri.workflow.project import Project, open_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("blinded")
    with open_project(make_study(folder)) as opened:
        declare(opened, folder)
        for reader in ("reader-1", "reader-2"):
            issued = make_package(opened, reader, folder / reader, NOON).issued
            read_all(folder / reader, issued)
            merge_package(opened, folder / reader, NOON)
        yield opened


def run(project: Project, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--project", str(project.folder)])


def test_readings_are_hidden_until_the_blinding_is_lifted(project: Project) -> None:
    for command in ("timeline", "assess"):
        for reader in ("reader-1", "reader-2"):
            refused = run(project, command, "--reader", reader)
            assert "still read blind" in str(refused.exception)
            assert "mm" not in refused.stdout
    listed = run(project, "readings")
    assert "reader-1" not in listed.stdout
    assert "Not shown: 8 readings" in listed.stderr
    assert run(project, "agreement").exit_code == 0  # the coordinator's
    unblind(project.store, signed_by="A coordinator", reason="all is resolved", at=NOON)
    for command in ("timeline", "assess"):
        assert run(project, command, "--reader", "reader-1").exit_code == 0
    assert "reader-2" in run(project, "readings").stdout
