"""A package that exists twice: copied on its way, answered by two, sealed by another person."""

from pathlib import Path
from shutil import copytree

import pytest
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study, read_all

from opp_mri.domain.reader_study import IssuedPackage, MergedPackage
from opp_mri.errors import InputError
from opp_mri.workflow.double_read.merge import MergeSummary, merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.returning import has_protected_key, seal_return
from opp_mri.workflow.double_read.seal import RETURN_KEY_NAME
from opp_mri.workflow.project import open_project

PASSPHRASE = "five words drawn at random"  # noqa: S105 - of a test


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_study(tmp_path)
    return tmp_path


def issue(folder: Path, passphrase: str = "") -> IssuedPackage:
    with open_project(folder / "project") as project:
        declare(project, folder)
        package = make_package(project, "reader-1", folder / "own", NOON, passphrase=passphrase)
    return package.issued


def merge(folder: Path, package: str, *, is_unsealed: bool = False) -> MergeSummary:
    with open_project(folder / "project") as project:
        return merge_package(project, folder / package, NOON, unsealed=is_unsealed)


def merged_packages(folder: Path) -> list[MergedPackage]:
    with open_project(folder / "project") as project:
        return list(project.store.log_of(MergedPackage))


def test_a_package_that_is_not_sealed_is_refused(folder: Path) -> None:
    read_all(folder / "own", issue(folder))
    with pytest.raises(InputError, match="not sealed by its reader"):
        merge(folder, "own")
    assert merged_packages(folder) == []
    head = seal_return(folder / "own", NOON)
    assert merge(folder, "own").cautions == ()
    (merged_package,) = merged_packages(folder)
    assert (merged_package.head, merged_package.sealed) == (head.hash, True)


def test_a_package_that_is_taken_unsealed_is_recorded_as_such(folder: Path) -> None:
    read_all(folder / "own", issue(folder))
    summary = merge(folder, "own", is_unsealed=True)
    assert "nobody else changed its answers" in summary.cautions[0]
    assert not merged_packages(folder)[0].sealed


def test_what_comes_later_continues_what_was_taken_before(folder: Path) -> None:
    issued_package = issue(folder)
    read_all(folder / "own", issued_package, most=2)
    assert merge(folder, "own", is_unsealed=True).added == 2
    read_all(folder / "own", issued_package)
    seal_return(folder / "own", NOON)
    assert merge(folder, "own").added == 4
    assert merge(folder, "own").added == 0


@pytest.mark.parametrize("first_sealed", [True, False])
def test_of_two_copies_with_other_answers_the_second_is_refused(
    folder: Path, first_sealed: bool
) -> None:
    """An interim copy has the key: it can be answered by another person, and sealed."""
    issued_package = issue(folder)
    copytree(folder / "own", folder / "forged")
    read_all(folder / "forged", issued_package, columns=lambda *_: 3.0)
    read_all(folder / "own", issued_package)
    if first_sealed:
        seal_return(folder / "forged", NOON)
    merge(folder, "forged", is_unsealed=True)
    seal_return(folder / "own", NOON)
    with pytest.raises(InputError, match="another copy of one whose answers were taken"):
        merge(folder, "own")
    assert len(merged_packages(folder)) == 1


def test_nothing_is_added_to_what_was_sealed(folder: Path) -> None:
    """Not even by a copy from the moment before, which has the key."""
    issued_package = issue(folder)
    read_all(folder / "own", issued_package, most=2)
    copytree(folder / "own", folder / "interim")
    seal_return(folder / "own", NOON)
    merge(folder, "own")
    read_all(folder / "interim", issued_package)
    seal_return(folder / "interim", NOON)
    with pytest.raises(InputError, match="another copy"):
        merge(folder, "interim")


def test_a_key_under_a_passphrase_is_of_no_use_to_who_copies_the_package(folder: Path) -> None:
    issued_package = issue(folder, PASSPHRASE)
    copytree(folder / "own", folder / "forged")
    read_all(folder / "forged", issued_package, columns=lambda *_: 3.0)
    assert has_protected_key(folder / "forged")
    for passphrase in ("", "another passphrase"):
        with pytest.raises(InputError, match="passphrase is wrong"):
            seal_return(folder / "forged", NOON, passphrase)
    with pytest.raises(InputError, match="not sealed by its reader"):
        merge(folder, "forged")
    read_all(folder / "own", issued_package)
    seal_return(folder / "own", NOON, PASSPHRASE)
    assert not (folder / "own" / RETURN_KEY_NAME).exists()
    assert merge(folder, "own").added == 4


def test_a_damaged_key_is_named(folder: Path) -> None:
    issue(folder)
    (folder / "own" / RETURN_KEY_NAME).write_text("key")
    with pytest.raises(InputError, match=r"return\.key of the package cannot be read"):
        seal_return(folder / "own", NOON)
