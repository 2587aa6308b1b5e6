"""The project shows no reading of a reader who still reads blind, whoever asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study, read_all

from opp_mri.cli.app import cli
from opp_mri.door.project import open as open_for_python
from opp_mri.errors import ProjectError
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.protocol import unblind
from opp_mri.workflow.project import Project, open_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("blinded")
    with open_project(make_study(folder)) as opened_project:
        declare(opened_project, folder)
        for reader in ("reader-1", "reader-2"):
            issued_package = make_package(opened_project, reader, folder / reader, NOON).issued
            read_all(folder / reader, issued_package)
            merge_package(opened_project, folder / reader, NOON, unsealed=True)
        yield opened_project


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project to which one of two blinded reads has come back."""
    folder = tmp_path_factory.mktemp("half")
    with open_project(make_study(folder)) as opened_project:
        declare(opened_project, folder)
        issued_package = make_package(opened_project, "reader-1", folder / "reader-1", NOON).issued
        read_all(folder / "reader-1", issued_package)
        merge_package(opened_project, folder / "reader-1", NOON, unsealed=True)
        yield opened_project


def run(project: Project, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--project", str(project.folder)])


def test_readings_are_hidden_until_the_blinding_is_lifted(project: Project) -> None:
    for command in ("timeline", "assess"):
        for reader in ("reader-1", "reader-2"):
            result = run(project, command, "--reader", reader)
            assert "still read blind" in str(result.exception)
            assert "mm" not in result.stdout
    outcome = run(project, "readings")
    assert "reader-1" not in outcome.stdout
    assert "Not shown: 8 readings" in outcome.stderr
    assert run(project, "agreement").exit_code == 0  # the coordinator's
    unblind(project.store, signed_by="A coordinator", reason="all is resolved", at=NOON)
    for command in ("timeline", "assess"):
        assert run(project, command, "--reader", "reader-1").exit_code == 0
    assert "reader-2" in run(project, "readings").stdout


@pytest.mark.parametrize("hidden_names", [(), ("--reader", "reader-1")])
@pytest.mark.parametrize(
    "command",
    [
        ("timeline",), ("assess",), ("cohort",), ("cohort", "export", "OUT"),
        ("cohort", "report", "OUT.html"), ("dictate", "LESION"), ("sr", "export", "OUT"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_one_read_that_came_back_is_shown_by_no_command(
    half: Project, command: tuple[str, ...], hidden_names: tuple[str, ...], tmp_path: Path
) -> None:
    lesion = half.store.get_lesions()[0].lesion_id
    words = [word.replace("OUT", str(tmp_path / "out")).replace("LESION", lesion)
             for word in command]  # fmt: skip
    result = run(half, *words, *hidden_names)
    assert "still read blind" in str(result.exception)
    assert "mm" not in result.stdout
    assert not list(tmp_path.iterdir())


def test_the_log_says_that_a_blinded_reader_answered_and_not_what(half: Project) -> None:
    summary = run(half, "audit", "show", "--json").stdout
    lengths = {str(reading.length_mm) for reading in half.store.get_readings()}
    assert "not shown until the blinding is lifted" in summary
    assert not [length for length in lengths if f"{length} mm" in summary]


def test_python_shows_no_answer_of_a_blinded_reader(half: Project) -> None:
    with open_for_python(half.folder) as study:
        lesion = study[half.store.get_lesions()[0].lesion_id]
        for show in (lambda: lesion.timeline, lesion.assess, study.cohort):
            with pytest.raises(ProjectError, match="still read blind"):
                show()
