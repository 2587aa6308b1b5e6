"""A package opened in the reading room: nothing is shown that a blinded reader may not know."""

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import attrs
import pytest
from fixtures.contour_makers import draw_and_sign
from fixtures.makers import NOON
from fixtures.room_driver import settle
from fixtures.small_study import declare, make_study, read_all
from opp_mri_napari.reading.presenter import ReadingRoom

from opp_mri.domain.reader_study import CaseOrder, IssuedPackage, ShownDates
from opp_mri.errors import ProjectError
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.protocol import require_protocol
from opp_mri.workflow.project import Project, open_project

DATE = re.compile(r"(19|20)\d\d-?\d\d-?\d\d")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, IssuedPackage]]:
    """Packages of one patient by order; in the project another reader has signed 14 mm."""
    folder = tmp_path_factory.mktemp("blind")
    issued_package = {}
    with open_project(make_study(folder, ["KENNUNG"])) as project:
        declare(project, folder)
        first = make_package(project, "reader-1", folder / "first", NOON).issued
        read_all(folder / "first", first, columns=lambda *_: 7.0)
        merge_package(project, folder / "first", NOON, unsealed=True)
    for order, dates in (("shuffled", "offsets"), ("free", "hidden"),
                         ("locked-sequential", "offsets")):  # fmt: skip
        copytree(folder / "project", folder / f"p-{order}")
        with open_project(folder / f"p-{order}") as project:
            protocol = require_protocol(project.store)
            changes = {"order": CaseOrder(order), "dates": ShownDates(dates)}
            project.store.add_to_log([attrs.evolve(protocol, **changes)])
            issued_package[order] = make_package(project, "reader-2", folder / order, NOON).issued
    return folder, issued_package


@pytest.fixture(params=["shuffled", "free", "locked-sequential"])
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def package(
    out: tuple[Path, dict[str, IssuedPackage]], order: str, tmp_path: Path
) -> Iterator[Project]:
    with open_project(copytree(out[0] / order, tmp_path / "package")) as opened_project:
        yield opened_project


def opened(package: Project) -> ReadingRoom:
    room = ReadingRoom(package, "reader-2", clock=lambda: NOON)
    settle(room)
    return room


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a snapshot, at any depth."""
    if isinstance(value, str):
        yield value
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, dict):
        for member in value.items():
            yield from texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from texts(member)


def shown(room: ReadingRoom) -> str:
    panes = [attrs.evolve(view, pane_id="") for view in room.build_pane_views()]  # a key, not shown
    views = (
        panes,
        room.build_worklist(),
        room.build_timeline(),
        room.sign_off(),
        room.build_status(),
    )
    return "\n".join(texts(views))


def test_no_date_name_or_length_of_others_is_shown(package: Project, order: str) -> None:
    room = opened(package)
    text_shown = shown(room)
    assert "TP0" in text_shown
    assert not DATE.search(text_shown)
    for secret in ("KENNUNG", "reader-1", "14.0", "Name", "week"):
        assert secret not in text_shown, secret
    days = [int(day) for day in re.findall(r"TP1 · day (\d+)", text_shown)]
    assert bool(days) is (order == "shuffled")  # locked: only the first is open yet
    assert all(104 <= day <= 110 for day in days)  # 107, but for a shift of up to 3
    assert room.build_timeline().hidden.startswith("Hidden in a blinded read.")
    assert (
        "Two readers read independently" in room.build_timeline().hidden
    )  # before the first answer


def test_own_lines_of_other_time_points_and_ghosts_stay_hidden(
    package: Project, out: tuple[Path, dict[str, IssuedPackage]], order: str
) -> None:
    if order == "locked-sequential":
        pytest.skip("one time point is open at a time")
    read_all(package.folder, out[1][order], sign=False)
    room = opened(package)
    for view in room.build_pane_views():
        assert view.badge == ""
        if not view.active:
            assert view.marks == ()
            assert "16.0" not in " ".join(texts(view))


def test_a_locked_time_point_opens_when_the_one_before_is_signed(
    package: Project, out: tuple[Path, dict[str, IssuedPackage]], order: str
) -> None:
    days = len(opened(package).build_pane_views())
    if order != "locked-sequential":
        assert days == 2
        return
    assert days == 1
    read_all(package.folder, out[1][order], most=2)
    assert len(opened(package).build_pane_views()) == 2


def test_only_its_reader_opens_a_package(package: Project) -> None:
    with pytest.raises(ProjectError, match="belongs to another reader"):
        ReadingRoom(package, "reader-1")


def test_volumes_open_the_next_time_point_and_show_no_number_in_the_worklist(
    package: Project,
) -> None:
    (lesion,) = package.store.get_lesions()
    draw_and_sign(package, lesion.lesion_id, "reader-2", [4.0] * 4)
    room = opened(package)
    views = room.build_pane_views()
    assert len(views) == 2
    assert all(bool(view.volume) is view.active for view in views)
    worklist = " ".join(texts(room.build_worklist()))
    assert "•" in worklist
    assert " cc" not in worklist
    assert " cc" not in room.build_timeline().hidden
