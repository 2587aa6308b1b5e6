"""What a script learns that holds a reader's package, the protocol and the program: nothing.

Each test plays the script. It has all files of the package and knows how packages are made, and
tries to tell the order of visits, or which cases come back. Its success must be that of chance.
"""

import random
from datetime import date, timedelta
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from fixtures.blinding_clues import GUESSES, headers
from fixtures.dicom_makers import T1, write_series
from fixtures.makers import NOON, make_lesion
from fixtures.small_study import declare, make_study, read_all
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.patients import find_likely_matches
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.package_plan import FIRST_DAY, plan_shown_days
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.project import create_project, open_project

PATIENTS = 40
PACKAGES = 5  # of 40 cases: 200
VISITS = (date(2024, 1, 15), date(2024, 4, 1), date(2024, 9, 1))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, IssuedPackage]]:
    """Five packages of 40 patients of three visits each, with hidden dates."""
    folder = tmp_path_factory.mktemp("study")
    for number in range(PATIENTS):
        for visit, day in enumerate(VISITS):
            write_series(
                folder / "dicom", T1, study=f"{number + 1}{visit + 1}", slices=range(2),
                seed=3 * number + visit, PatientID=f"P{number}", StudyDate=f"{day:%Y%m%d}",
                FrameOfReferenceUID=f"1.2.9.{number + 1}.{visit + 1}",
                InstanceNumber=visit + 1, AcquisitionNumber=visit + 1, WindowCenter=100 + visit,
            )  # fmt: skip
    create_project(folder / "project")
    entries = []
    with open_project(folder / "project") as project:
        index(project, [folder / "dicom"], workers=1)
        project.store.add_lesions(
            [
                make_lesion(f"L{n}", patient_id=f"P{n}", tracking_uid=f"2.25.{n + 1}")
                for n in range(PATIENTS)
            ],
            NOON,
        )
        declare(project, folder, dates='"hidden"')
        for number in range(PACKAGES):
            target = folder / f"package-{number}"
            issued_package = make_package(
                project, "reader-1", target, NOON, again=number > 0
            ).issued
            entries.append((target, issued_package))
    return entries


@pytest.fixture(scope="module")
def order_of_days(
    packages: list[tuple[Path, IssuedPackage]],
) -> dict[tuple[Path, str], dict[date, int]]:
    """The true number of the visit behind each shown day."""
    return {
        (folder, case.code): {
            shown_day: number
            for number, (shown_day, _) in enumerate(sorted(case.days, key=lambda pair: pair[1]))
        }
        for folder, issued_package in packages
        for case in issued_package.cases
    }


@pytest.mark.parametrize("clue", GUESSES)
def test_the_order_of_visits_cannot_be_told(
    order_of_days: dict[tuple[Path, str], dict[date, int]],
    clue: str,
) -> None:
    """All six orders of three visits are equally frequent: chi-square of 200 cases, p > 0.0001."""
    counts = dict.fromkeys(permutations(range(3)), 0)
    for (folder, code), numbers in order_of_days.items():
        counts[tuple(numbers[day] for day in GUESSES[clue](folder, code))] += 1
    assert sum(counts.values()) == PATIENTS * PACKAGES
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_no_point_in_the_lesion_shows_the_baseline(
    packages: list[tuple[Path, IssuedPackage]],
) -> None:
    for folder, _ in packages:
        with open_project(folder) as package:
            assert {lesion.seed for lesion in package.store.get_lesions()} == {None}


def test_the_protocol_predicts_neither_order_nor_repeats(tmp_path: Path) -> None:
    """The same protocol, project and reader, twice: other orders and other repeats."""
    names = [f"P{number}" for number in range(8)]
    with open_project(make_study(tmp_path, names)) as project:
        declare(project, tmp_path, repeats_share="0.25", washout_days="0")
        first = make_package(project, "reader-1", tmp_path / "first", NOON).issued
        read_all(tmp_path / "first", first)
        merge_package(project, tmp_path / "first", NOON, unsealed=True)
        repeats = set()
        for number in range(6):
            second = make_package(
                project, "reader-1", tmp_path / f"second-{number}", NOON, again=number > 0
            ).issued
            repeats.add(frozenset(case.patient_id for case in second.cases if case.repeat))
    assert len(repeats) > 1


def test_a_repeat_is_told_by_no_pixels_days_or_numbers(tmp_path: Path) -> None:
    """Indexing both packages together proposes no match, and no value of their own recurs."""
    with open_project(make_study(tmp_path, ["P1", "P2"])) as project:
        declare(project, tmp_path, repeats_share="0.5", washout_days="0")
        folders = [tmp_path / "first", tmp_path / "second"]
        issued_package = []
        for folder in folders:
            issued_package.append(make_package(project, "reader-1", folder, NOON).issued)
            read_all(folder, issued_package[-1])
            merge_package(project, folder, NOON, unsealed=True)
    (repeat,) = [case for case in issued_package[1].cases if case.repeat]
    first = next(case for case in issued_package[0].cases if case.patient_id == repeat.patient_id)
    images = [
        [header for _, _, header in headers(folder)[case.code]]
        for folder, case in zip(folders, (first, repeat), strict=True)
    ]
    assert len(images[0]) == len(images[1]) == 16
    for keyword in ("PixelData", "ImagePositionPatient", "ImageOrientationPatient"):
        values = [{str(header.get(keyword)) for header in of_case} for of_case in images]
        assert not values[0] & values[1]
    create_project(tmp_path / "attack")
    with open_project(tmp_path / "attack") as attack:
        index(attack, [folder / "images" for folder in folders], workers=1)
        assert find_likely_matches(attack.store) == []


@given(
    gaps=st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
)
def test_intervals_are_off_by_up_to_three_days_and_keep_their_order(
    gaps: list[tuple[int, bool]], seed: int
) -> None:
    """Whatever was done between two studies: a treatment there must not add a shift of its own."""
    days = [VISITS[0] + timedelta(days=sum(gap for gap, _ in gaps[:n])) for n in range(len(gaps))]
    studies = [day for day, (_, study) in zip(days, gaps, strict=True) if study]
    shown_days = plan_shown_days(studies, days, random.Random(seed))
    assert sorted(shown_days) == days
    assert all(shown_days[first] < shown_days[second] for first, second in pairwise(days))
    assert not studies or shown_days[studies[0]] == FIRST_DAY
    for first, second in pairwise(studies):
        assert abs((shown_days[second] - shown_days[first]).days - (second - first).days) <= 3
    for day in days if studies else []:
        study = max((study for study in studies if study <= day), default=studies[0])
        assert abs((shown_days[day] - shown_days[study]).days - (day - study).days) <= 3
