"""A reader's package: when it is due, what is in it, what is not, and what a failure leaves."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest
from fixtures.dicom_makers import write_series, write_study
from fixtures.makers import NOON, make_lesion
from fixtures.small_study import VISITS, add_lesions, declare, make_study, read_all
from pydicom import dcmread
from pydicom.uid import UID

from opp_mri.cli.shared.json_output import build_reading_json
from opp_mri.domain.reader_study import Blinding, IssuedPackage, MergedPackage
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.domain.timeline import EventKind
from opp_mri.errors import InputError, ProjectError
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.package_plan import plan_cases
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.blinding import check_reader
from opp_mri.workflow.measuring.lesions import add_event
from opp_mri.workflow.measuring.protocol import require_protocol, unblind
from opp_mri.workflow.project import Project, create_project, open_project

PATIENTS = ("P1", "P2", "P3", "P4")
LARGEST_SHIFT = timedelta(days=3)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"), PATIENTS)


@pytest.fixture
def project(study_folder: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(copytree(study_folder, tmp_path / "project")) as opened_project:
        yield opened_project


def make(project: Project, folder: Path, reader: str = "reader-1", at: datetime = NOON,
         **how: bool) -> IssuedPackage:  # fmt: skip
    return make_package(project, reader, folder, at, **how).issued


def test_a_package_is_a_project_with_codes_for_names(project: Project, tmp_path: Path) -> None:
    declare(project, tmp_path)
    issued_package = make(project, tmp_path / "one")
    assert [case.code for case in issued_package.cases] == [
        "CASE-001",
        "CASE-002",
        "CASE-003",
        "CASE-004",
    ]
    assert {case.patient_id for case in issued_package.cases} == set(PATIENTS)
    with open_project(tmp_path / "one") as package:
        assert {volume.patient_id for volume in package.store.get_volumes()} == {
            case.code for case in issued_package.cases
        }
        assert len(package.store.get_volumes()) == 4 * 2 * 2
        assert {lesion.lesion_id for lesion in package.store.get_lesions()} == {
            code for case in issued_package.cases for code, _ in case.lesions
        }
        assert package.store.get_readings() == []
        (blinding,) = package.store.log_of(Blinding)
        assert (blinding.reader, blinding.package_id) == ("reader-1", issued_package.package_id)
        assert "Hidden: other readers" in " ".join(blinding.rules)
        check_reader(package.store, "reader-1")
        with pytest.raises(ProjectError, match="belongs to another reader"):
            check_reader(package.store, "reader-2")
    with pytest.raises(ProjectError, match="reads blind: in the reader's own package"):
        check_reader(project.store, "reader-1")
    check_reader(project.store, "somebody else")  # who has no part in the blinded reads


def test_days_are_offsets_from_the_first_study_to_a_few_days(
    project: Project, tmp_path: Path
) -> None:
    declare(project, tmp_path)
    issued_package = make(project, tmp_path / "one")
    for case in issued_package.cases:
        (first, real_first), (second, real_second) = case.days
        assert (real_first, real_second) == VISITS
        assert abs((second - first) - (VISITS[1] - VISITS[0])) <= LARGEST_SHIFT
        assert first == date(2000, 1, 1)
    with open_project(tmp_path / "one") as package:
        lesion = package.store.get_lesions()[0]
        off = (lesion.ssrs_last_date - date(2000, 1, 1)) - (date(2024, 2, 1) - VISITS[0])
        assert abs(off) <= LARGEST_SHIFT
        assert (lesion.dose_gy, lesion.fractions) == (None, None)


def test_without_dates_neither_days_nor_order_show(project: Project, tmp_path: Path) -> None:
    declare(project, tmp_path, dates='"hidden"')
    orders = set()
    for n in range(6):
        issued_package = make(project, tmp_path / f"n{n}", again=n > 0)
        for case in issued_package.cases:
            shown_days = [day for day, _ in sorted(case.days, key=lambda pair: pair[1])]
            assert sorted(shown_days) == [date(2000, 1, 1), date(2000, 1, 2)]  # nothing of 107 days
            orders.add(shown_days[0] < shown_days[1])
    assert orders == {True, False}
    with open_project(tmp_path / "n0") as package:
        assert {lesion.ssrs_last_date for lesion in package.store.get_lesions()} == {
            date(1999, 1, 1)
        }


@pytest.mark.parametrize(("dose", "outcome"), [("true", "true"), ("false", "false")])
def test_dose_and_events_pass_where_the_protocol_says_so(
    project: Project, tmp_path: Path, dose: str, outcome: str
) -> None:
    add_event(
        project.store,
        {"lesion_id": "LP1", "date": "2024-03-01", "event": "systemic_therapy_change",
         "value": "a drug"},
        NOON,
    )  # fmt: skip
    declare(project, tmp_path, hide_dose=dose, hide_outcome=outcome)
    issued_package = make(project, tmp_path / "one")
    code = next(
        code for case in issued_package.cases for code, real in case.lesions if real == "LP1"
    )
    with open_project(tmp_path / "one") as package:
        lesion = package.store.get_lesion(code)
        assert lesion is not None
        assert (lesion.dose_gy is None) is (dose == "true")
        assert [event.kind for event in lesion.events] == (
            [] if outcome == "true" else [EventKind.SYSTEMIC_THERAPY_CHANGE]
        )
        assert lesion.histology == lesion.sex == ""
        assert lesion.age_years is None
        for event in lesion.events:  # from the study before it; day 0 is the first study
            assert (
                abs((event.date - date(2000, 1, 1)) - (date(2024, 3, 1) - VISITS[0]))
                <= LARGEST_SHIFT
            )


def test_each_package_has_an_order_of_its_own_unless_it_is_free(
    project: Project, tmp_path: Path
) -> None:
    def order(secret: str, reader: str = "reader-1") -> list[str]:
        protocol = require_protocol(project.store)
        cases = plan_cases(project.store, protocol, reader, 1, secret)
        return [patient_id for _, patient_id, _ in cases]

    declare(project, tmp_path, order='"shuffled"')
    assert order("a") == order("a")
    assert len({tuple(order(secret)) for secret in "abcdefgh"}) > 3
    declare(project, tmp_path, order='"free"')
    first = [case.patient_id for case in make(project, tmp_path / "one").cases]
    second = [case.patient_id for case in make(project, tmp_path / "two", "reader-2").cases]
    assert first == second


def test_the_second_package_holds_the_rest_and_the_repeats(
    project: Project, tmp_path: Path
) -> None:
    declare(project, tmp_path, repeats_share="0.25", washout_days="14")
    first = make(project, tmp_path / "first")
    assert len(first.cases) == 2
    with pytest.raises(ProjectError, match="once all of the first is read and merged"):
        make(project, tmp_path / "second")
    readings = read_all(tmp_path / "first", first)
    assert (
        merge_package(project, tmp_path / "first", NOON, unsealed=True).added == len(readings) == 8
    )
    for days in (0, 13):
        with pytest.raises(ProjectError, match="washout of 14 days lasts until 2024-05-15"):
            make(project, tmp_path / "second", at=NOON + timedelta(days=days))
    # merged once more, with nothing new: the washout does not begin again
    merge_package(project, tmp_path / "first", NOON + timedelta(days=10), unsealed=True)
    add_lesions(project, ["P1"])  # a new revision; the split stays as it was
    second = make(project, tmp_path / "second", at=NOON + timedelta(days=14))
    assert [case.code for case in second.cases] == ["CASE-003", "CASE-004", "CASE-005"]
    repeats = [case.patient_id for case in second.cases if case.repeat]
    rest = [case.patient_id for case in second.cases if not case.repeat]
    assert len(repeats) == 1
    assert set(repeats) < {case.patient_id for case in first.cases}
    assert set(rest) == set(PATIENTS) - {case.patient_id for case in first.cases}
    with open_project(tmp_path / "second") as package:
        assert "repeat" not in str(package.store.log_of(Blinding)).replace("unannounced", "")
    with pytest.raises(ProjectError, match=r"was made on 2024-05-15.*--again"):
        make(project, tmp_path / "third", at=NOON + timedelta(days=99))


def test_a_repeat_has_other_uids_than_the_first_time(project: Project, tmp_path: Path) -> None:
    declare(project, tmp_path, repeats_share="0.5", washout_days="0")
    issued_packages = [make(project, tmp_path / "first")]
    read_all(tmp_path / "first", issued_packages[0])
    merge_package(project, tmp_path / "first", NOON, unsealed=True)
    issued_packages.append(make(project, tmp_path / "second"))
    uids = []
    for name in ("first", "second"):
        with open_project(tmp_path / name) as package:
            uids.append({f.sop_instance_uid for v in package.store.get_volumes() for f in v.frames})
            uids.append({v.instance.frame_of_reference_uid for v in package.store.get_volumes()})
    assert not uids[0] & uids[2]
    assert not uids[1] & uids[3]


def test_a_single_patient_comes_back_as_a_repeat(tmp_path: Path) -> None:
    with open_project(make_study(tmp_path, ["P1"])) as project:
        declare(project, tmp_path, repeats_share="0.1", washout_days="0")
        first = make(project, tmp_path / "first")
        read_all(tmp_path / "first", first)
        merge_package(project, tmp_path / "first", NOON, unsealed=True)
        second = make(project, tmp_path / "second")
    assert [case.repeat for case in (*first.cases, *second.cases)] == [False, True]


def test_a_lost_package_is_made_anew_and_one_that_came_back_is_not(
    project: Project, tmp_path: Path
) -> None:
    declare(project, tmp_path)
    make(project, tmp_path / "lost")
    with pytest.raises(ProjectError, match="with --again"):
        make(project, tmp_path / "more")
    issued_package = make(project, tmp_path / "anew", again=True)
    read_all(tmp_path / "anew", issued_package)
    merge_package(project, tmp_path / "anew", NOON, unsealed=True)
    with pytest.raises(ProjectError, match="was returned already"):
        make(project, tmp_path / "yet", again=True)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda p, f: make_package(p, "third", f / "x", NOON), "names no reader third"),
        (lambda p, f: make_package(p, "reader-1", f, NOON), "is not empty: name a new folder"),
    ],
)
def test_what_cannot_be_made_is_said(
    project: Project, tmp_path: Path, spoil: Callable[[Project, Path], object], sentence: str
) -> None:
    declare(project, tmp_path)
    with pytest.raises(InputError, match=sentence):
        spoil(project, tmp_path)
    assert project.store.log_of(IssuedPackage) == []


def test_without_a_protocol_a_lesion_or_a_blinding_there_is_no_package(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(ProjectError, match="no reading protocol"):
        make(project, tmp_path / "one")
    declare(project, tmp_path)
    unblind(project.store, signed_by="lead", reason="done", at=NOON)
    with pytest.raises(ProjectError, match="blinding is lifted"):
        make(project, tmp_path / "one")
    (tmp_path / "other").mkdir()
    write_series(tmp_path / "other" / "dicom")
    with open_project(_empty(tmp_path / "other")) as other_project:
        index(other_project, [tmp_path / "other" / "dicom"], workers=1)
        declare(other_project, tmp_path)
        with pytest.raises(InputError, match="No patient has a lesion yet"):
            make(other_project, tmp_path / "one")
    assert not (tmp_path / "one").exists()


def _empty(folder: Path) -> Path:
    from opp_mri.workflow.project import create_project

    create_project(folder / "project")
    return folder / "project"


def test_a_full_disk_leaves_no_package_and_no_record(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, tmp_path)
    real, paths = Path.write_bytes, []

    def until_full(path: Path, content: bytes) -> int:
        if len(paths) == 5 and path.suffix == ".dcm":
            raise OSError(28, "No space left on device")
        paths.append(path)
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(ProjectError, match=r"No space left on device.*make room"):
        make(project, tmp_path / "one")
    assert len(paths) == 5
    assert not (tmp_path / "one").exists()
    assert project.store.log_of(IssuedPackage) == []
    monkeypatch.undo()
    make(project, tmp_path / "one")  # as if nothing had been


def test_an_interrupted_package_leaves_nothing(project: Project, tmp_path: Path) -> None:
    declare(project, tmp_path)

    def stop(step: str, count: int, _total: int) -> None:
        if step == "copying images" and count == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_package(project, "reader-1", tmp_path / "one", NOON, progress=stop)
    assert not (tmp_path / "one").exists()
    assert project.store.log_of(IssuedPackage) == []


def test_an_image_with_text_burned_in_stays_behind_and_is_told(
    project: Project, tmp_path: Path
) -> None:
    def burn(dataset, number: int) -> None:  # type: ignore[no-untyped-def]
        if number == 3:
            dataset.BurnedInAnnotation = "YES"

    write_series(
        tmp_path / "more", study="77", PatientID="P5", StudyDate="20240115", seed=5, edit=burn
    )
    index(project, [tmp_path / "more"], workers=1)
    project.store.add_lesions([make_lesion("LP5", patient_id="P5")], NOON)
    declare(project, tmp_path)
    package = make_package(project, "reader-1", tmp_path / "one", NOON)
    assert package.images == 4 * 16 + 3
    (why,) = package.left_out
    assert "burned into the image" in why


def test_of_two_who_make_the_same_package_at_once_the_second_is_refused(
    project: Project, tmp_path: Path
) -> None:
    declare(project, tmp_path)
    inner: list[IssuedPackage] = []

    def meanwhile(step: str, count: int, _total: int) -> None:
        if step == "copying images" and count == 3 and not inner:
            with open_project(tmp_path / "project") as other_project:
                inner.append(make(other_project, tmp_path / "theirs"))

    with pytest.raises(ProjectError, match="was made on 2024-05-01"):
        make_package(project, "reader-1", tmp_path / "ours", NOON, progress=meanwhile)
    assert not (tmp_path / "ours").exists()
    read_all(tmp_path / "theirs", inner[0])
    assert merge_package(project, tmp_path / "theirs", NOON, unsealed=True).added == 16
    assert len(project.store.log_of(MergedPackage)) == 1


def use_uids_twice(root: Path) -> Path:
    """Index a patient whose second study has the UIDs of the first; gives the project's folder."""
    for visit, day in enumerate(VISITS):
        write_study(
            root / f"visit-{visit}", study="1", seed=visit, PatientID="P1",
            StudyDate=f"{day:%Y%m%d}", FrameOfReferenceUID="1.2.9.1",
        )  # fmt: skip
    create_project(root / "twice")
    with open_project(root / "twice") as project:
        index(project, [root / "visit-0"], workers=1)
        index(project, [root / "visit-1"], workers=1)
        add_lesions(project, ["P1"])
    return root / "twice"


def test_images_whose_files_share_a_uid_stay_two_in_a_package_and_come_back(tmp_path: Path) -> None:
    with open_project(use_uids_twice(tmp_path)) as project:
        names = {f.sop_instance_uid for v in project.store.get_volumes() for f in v.frames}
        assert any(get_uid_in_file(name) != name for name in names)
        declare(project, tmp_path)
        issued_package = make(project, tmp_path / "one")
        uids = [dcmread(path).SOPInstanceUID for path in (tmp_path / "one/images").glob("*.dcm")]
        assert len(set(uids)) == len(uids) == len(names)
        assert all(uid.is_valid for uid in uids)
        readings = read_all(tmp_path / "one", issued_package)
        merge_package(project, tmp_path / "one", NOON, unsealed=True)
        back = project.store.get_readings()
        assert len(back) == len(readings) == 4
        exported_readings = [build_reading_json(reading, counts=True) for reading in back]
        assert all(UID(record["sop_instance_uid"]).is_valid for record in exported_readings)
        assert any(
            reading.caliper and get_uid_in_file(reading.caliper.sop_instance_uid)
            != reading.caliper.sop_instance_uid
            for reading in back
        )  # fmt: skip
