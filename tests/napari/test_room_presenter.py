"""The reading room without a screen: what a reader does, and what is in the store afterwards."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from fixtures.dicom_makers import write_study
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle, sign_off
from opp_mri_napari.reading.basics.views import Button, MarkStyle, PointerKind
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.panels.panel_views import CellLook
from opp_mri_napari.reading.presenter import ReadingRoom

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.errors import InputError, ProjectError
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.measuring.lesions import add_lesion
from opp_mri.workflow.measuring.readings import get_counted_readings, select_latest_by_cell
from opp_mri.workflow.project import Project, create_project, open_project
from opp_mri.workflow.registration.decisions import decide


@pytest.fixture
def room(project: Project) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(room)
    return room


@pytest.fixture
def mouse(room: ReadingRoom) -> Mouse:
    return Mouse(room)


def readings(project: Project) -> list[Reading]:
    return list(project.store.get_readings())


def lengths(project: Project) -> list[str]:
    return [str(reading.length_mm) for reading in project.store.get_readings()]


def beside(mouse: Mouse, mm: float, down_mm: float = 0.0) -> tuple[float, float]:
    down, across = mouse.view.centre
    return (down + down_mm, across + mm)


def confirm_all(project: Project) -> None:
    for alignment in project.store.get_alignments():
        decide(
            project.store, alignment.fit_id, FitDecision.CONFIRMED, reader="A", reason="x", at=NOON
        )


# --- opening


def test_a_reader_begins_at_the_first_unread_cell_with_the_lesion_in_the_middle(
    room: ReadingRoom,
) -> None:
    views = room.build_pane_views()
    lesion = room.session.lesion
    assert lesion is not None
    assert lesion.seed is not None
    first = room.panes.panes[0]
    assert first.focus == pytest.approx(lesion.seed[1])
    assert views[0].active
    assert all(view.voxels is not None for view in views)
    assert views[0].letters == ("A", "P", "H", "F")
    assert "before SSRS" in views[0].series_name
    assert "weeks" in views[1].heading


def test_reopening_comes_back_to_the_same_place(room: ReadingRoom, project: Project) -> None:
    room.do_wish("next_time_point")
    room.do_wish("t2")
    settle(room)
    before = room.navigation.current
    again = ReadingRoom(project, "A")
    settle(again)
    assert again.navigation.current == before
    second_room = ReadingRoom(project, "B")
    settle(second_room)
    assert second_room.navigation.current != before


def test_a_reader_has_a_name(project: Project) -> None:
    with pytest.raises(InputError, match="No reader is named"):
        ReadingRoom(project, " ")


def test_a_patient_without_a_lesion_is_shown_whole(tmp_path: Path) -> None:
    write_study(tmp_path / "dicom")
    create_project(tmp_path / "p")
    with open_project(tmp_path / "p") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        room = ReadingRoom(project, "A")
        settle(room)
        (view,) = room.build_pane_views()
        assert view.zoom == pytest.approx(room.panes.height_px / 22.0)  # 12 rows of 2 mm
        assert "Shift+A" in room.build_status().hint
        Mouse(room).drag((4.0, 4.0), (4.0, 12.0))
        settle(room)
        assert project.store.get_readings() == []
        assert "Add a lesion first" in room.build_status().hint


def test_the_next_patient_of_the_worklist_is_loaded_ahead(tmp_path: Path) -> None:
    for patient_id, study in (("P1", "1"), ("P2", "2")):
        write_study(tmp_path / "dicom", study=study, PatientID=patient_id)
    create_project(tmp_path / "p")
    with open_project(tmp_path / "p") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        for patient_id in ("P1", "P2"):
            cells = {"lesion_id": patient_id, "patient_id": patient_id, "level": "L1"}
            add_lesion(project.store, cells | {"ssrs_first_date": "2024-02-01"}, NOON)
        room = ReadingRoom(project, "A")
        settle(room)
        assert room.session.patient is not None
        assert room.session.patient.patient_id == "P1"
        room.navigation.open_patient("P2")
        job = room.session.get_next_job()
        assert job is not None
        job.take(job.run())
        (view,) = room.build_pane_views()
        assert view.voxels is not None  # there already: nothing to wait for


# --- calipers


def test_a_drag_leaves_a_caliper_held_to_the_ap_axis_and_saved(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8, down_mm=3))
    settle(room)
    (reading,) = readings(project)
    assert reading.draft
    assert reading.caliper is not None
    start, end = reading.caliper.start_lps_mm, reading.caliper.end_lps_mm
    assert abs(end[1] - start[1]) == pytest.approx(18.0, abs=0.6)
    assert abs(end[2] - start[2]) < 0.5  # held to the patient's axis: the mouse went 3 mm down
    (mark,) = mouse.view.marks
    assert mark.label == f"{reading.length_mm} mm"
    assert mark.style is MarkStyle.OWN
    assert room.build_status().saved == "saved"


def test_shift_frees_the_line_and_its_angle_is_shown(mouse: Mouse) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 10, down_mm=10), shift=True)
    (mark,) = mouse.view.marks
    assert mark.detail.startswith("AP ")
    # the image is tilted by 5 degrees against the patient, the line by 27 against the image
    assert mark.detail.endswith("32°")
    assert mark.detail.startswith(
        f"AP {20 / np.cos(np.radians(26.57)) * np.cos(np.radians(31.9)):.1f}"
    )


def test_two_clicks_measure_as_a_drag_does(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    mouse.click(beside(mouse, -10))
    mouse.move(beside(mouse, 0))
    mouse.do(PointerKind.DOUBLE, beside(mouse, 8), Button.LEFT)  # a quick second click
    mouse.release(beside(mouse, 8))
    mouse.drag(beside(mouse, -10, down_mm=20), beside(mouse, 8, down_mm=20))
    settle(room)
    first, second = readings(project)
    assert first.length_mm == second.length_mm


@pytest.mark.parametrize("clicks", [1, 2])
def test_a_click_without_movement_leaves_nothing_behind(
    mouse: Mouse, room: ReadingRoom, project: Project, clicks: int
) -> None:
    for _ in range(clicks):
        mouse.click(beside(mouse, 0))
    room.do_wish("cancel")
    settle(room)
    assert readings(project) == []
    assert mouse.view.marks == ()


def test_a_first_click_shows_no_length(mouse: Mouse) -> None:
    mouse.click(beside(mouse, -10))
    (mark,) = mouse.view.marks
    assert (mark.label, mark.detail) == ("", "")
    mouse.move(beside(mouse, 8))
    (mark,) = mouse.view.marks
    assert mark.label.endswith(" mm")


def test_escape_leaves_a_line_that_is_being_drawn(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    mouse.press(beside(mouse, -10))
    mouse.move(beside(mouse, 5))
    assert len(mouse.view.marks) == 1
    room.do_wish("cancel")
    mouse.release(beside(mouse, 5))
    settle(room)
    assert readings(project) == []


def test_an_end_is_dragged_and_nudged_in_millimetres(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    settle(room)
    mouse.drag(beside(mouse, 8.5), beside(mouse, 12.5))  # near enough to the end
    settle(room)
    before = readings(project)[-1].length_mm
    assert before is not None
    assert abs(before - Decimal("22.5")) <= Decimal("0.3")
    assert room.calipers.selected == 1
    for _ in range(10):
        room.do_wish("right")
    settle(room)
    after = readings(project)[-1].length_mm
    assert after is not None
    assert abs(after - before - 1) <= Decimal("0.1")
    room.do_wish("cancel")
    assert room.calipers.selected is None


def test_tab_selects_one_end_and_then_the_other(mouse: Mouse, room: ReadingRoom) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    entries = []
    for _ in range(3):
        room.do_wish("switch_end")
        entries.append(mouse.view.marks[0].selected)
    assert entries == [0, 1, 0]


def test_a_voxel_is_the_step_of_shift_and_the_axis_that_of_alt(
    mouse: Mouse, room: ReadingRoom
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    room.do_wish("switch_end")
    room.do_wish("switch_end")
    plane = room.panes.panes[0].plane
    assert plane is not None
    line = room.calipers.find_line(room.panes.panes[0])
    room.do_wish("voxel_right")
    wider = room.calipers.find_line(room.panes.panes[0])
    assert line is not None
    assert wider is not None
    assert plane.measure_length_mm(line[1], wider[1]) == pytest.approx(plane.column_spacing_mm)
    room.do_wish("axis_left")
    along = room.calipers.find_line(room.panes.panes[0])
    assert along is not None
    assert plane.measure_length_mm(wider[1], along[1]) == pytest.approx(0.1)


def test_a_caliper_shows_on_its_slice_only_and_the_strip_marks_it(
    mouse: Mouse, room: ReadingRoom
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    place = mouse.view.slice_index
    assert [
        slice_of_strip.slice_index for slice_of_strip in mouse.view.strip if slice_of_strip.measured
    ] == [place]
    mouse.wheel(1)
    assert mouse.view.marks == ()
    assert f"line on {place + 1}" in mouse.view.slice_text
    room.navigation.go_to(room.navigation.current)  # type: ignore[arg-type]
    assert mouse.view.slice_index == place


def test_the_strip_of_a_whole_image_shows_the_place_of_the_caliper(
    mouse: Mouse, room: ReadingRoom
) -> None:
    before = mouse.view
    mouse.drag(beside(mouse, 16), beside(mouse, 36))
    pane = room.panes.panes[0]
    pane.whole = True
    picture = mouse.view.strip[0].picture
    room.panes.pan(pane, 0.0, -26.0)
    pane.whole = False
    assert mouse.view.centre == pytest.approx((before.centre[0], before.centre[1] + 26.0))
    inner, later_picture = picture[1:-1, 1:-1], mouse.view.strip[0].picture
    height, width = inner.shape
    assert any(  # but for a pixel
        np.array_equal(inner, later_picture[down : down + height, across : across + width])
        for down in range(3)
        for across in range(3)
    )


def test_an_axis_along_an_endplate_holds_the_calipers(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    room.do_wish("endplate")
    mouse.drag(beside(mouse, -10), beside(mouse, 10, down_mm=5))
    settle(room)
    (axis,) = project.store.get_ap_axes("OPP-01")
    assert axis.direction_lps[1] > 0
    mouse.drag(beside(mouse, -10), beside(mouse, 10))
    settle(room)
    (reading,) = readings(project)
    assert reading.caliper is not None
    (mark,) = (mark for mark in mouse.view.marks if mark.style is not MarkStyle.AXIS)
    rise, run = mark.end[0] - mark.start[0], mark.end[1] - mark.start[1]
    assert rise / run == pytest.approx(0.25, abs=0.001)


# --- answers


def test_gone_and_not_measurable_are_answers_with_words(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    room.do_wish("not_measurable")
    assert room.dialog is Dialog.ANSWER
    room.say(Answer.NOT_MEASURABLE, "motion")
    settle(room)
    assert mouse.view.state == "draft not measurable"
    room.say(Answer.GONE)
    settle(room)
    assert [reading.answer for reading in readings(project)] == [Answer.NOT_MEASURABLE, Answer.GONE]
    assert room.dialog is None
    view = room.build_worklist()
    assert (view.unread, view.drafts, view.signed) == (14, 1, 0)
    sign_off(room)
    view = room.build_worklist()
    assert (view.unread, view.drafts, view.signed) == (14, 0, 1)


def test_backspace_takes_an_answer_back_and_leaves_a_tombstone(
    mouse: Mouse, room: ReadingRoom, project: Project
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    room.do_wish("withdraw")
    settle(room)
    assert [reading.answer for reading in readings(project)] == [Answer.MEASURED, Answer.WITHDRAWN]
    assert mouse.view.state == "unread"
    assert mouse.view.marks == ()


def test_undo_and_redo_survive_a_restart(mouse: Mouse, room: ReadingRoom, project: Project) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    first = mouse.view.state
    mouse.drag(beside(mouse, -10, down_mm=20), beside(mouse, 3, down_mm=20))
    settle(room)
    again = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(again)
    again.do_wish("undo")
    settle(again)
    assert Mouse(again).view.state == first
    third = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(third)
    third.do_wish("redo")
    settle(third)
    assert Mouse(third).view.state != first
    assert lengths(project)[1] == lengths(project)[3]


# --- moving together


def test_panes_do_not_follow_before_a_fit_is_confirmed_and_say_so(
    mouse: Mouse, room: ReadingRoom
) -> None:
    second_view = room.build_pane_views()[1]
    assert "fit waits, Shift+V" in second_view.link_note
    mouse.wheel(2)
    after = room.build_pane_views()[1]
    assert (after.slice_index, after.centre) == (second_view.slice_index, second_view.centre)


def test_panes_follow_one_place_of_the_body_through_a_confirmed_fit(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    confirm_all(project)
    room.navigation.reload()
    settle(room)
    room.do_wish("reset")
    assert [view.link_note for view in room.build_pane_views()] == [""] * len(room.panes.panes)
    lesion = room.session.lesion
    assert lesion is not None
    mouse.wheel(1)
    leader, *rest = room.panes.panes
    for pane in rest:
        transform = lesion.links.find_carrying(pane.frame, leader.frame)
        assert transform is not None
        assert pane.focus == pytest.approx(tuple(transform.apply(leader.focus)), abs=1e-6)
        distances = [abs(p.measure_distance_mm(pane.focus)) for p in pane.volume.planes]  # type: ignore[union-attr, arg-type]
        assert pane.place == distances.index(min(distances))


def test_a_follow_up_shows_the_lesion_as_soon_as_its_fit_is_confirmed(
    room: ReadingRoom, project: Project
) -> None:
    pane = room.panes.panes[1]
    room.navigation.activate(pane)
    room.panes.pan(pane, 40.0, 20.0)
    lesion = room.session.lesion
    assert lesion is not None
    assert lesion.seed is not None
    confirm_all(project)
    room.navigation.reload()
    settle(room)
    linking_transform = room.panes.linking(pane.frame, lesion.seed[0])
    assert linking_transform is not None
    assert pane.plane is not None
    assert pane.focus is not None
    seed = tuple(linking_transform.apply(np.array(lesion.seed[1])).tolist())
    # in the middle of the pane, whichever slice of the lesion the proposal chose
    middle, seed_pixel = (list(pane.plane.pixel_from_lps(point)) for point in (pane.focus, seed))
    assert middle == pytest.approx(seed_pixel, abs=0.01)
    room.panes.pan(pane, 40.0, 20.0)
    focus_before = pane.focus
    room.navigation.reload()  # it was linked before: the reader's place is left alone
    settle(room)
    assert pane.focus == pytest.approx(focus_before, abs=1e-6)


def test_a_ghost_and_its_badge_come_through_a_confirmed_fit_only(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    assert room.build_pane_views()[1].badge == ""
    confirm_all(project)
    room.navigation.reload()
    settle(room)
    room.navigation.go_to(room.navigation.current)  # type: ignore[arg-type]
    view = room.build_pane_views()[1]
    assert view.badge.startswith("prior plane")
    assert [mark.style for mark in view.marks] == [MarkStyle.GHOST]
    room.do_wish("ghost")
    assert room.build_pane_views()[1].marks == ()


def test_one_common_point_links_scrolling_and_gives_no_ghost(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    room.do_wish("common_point")
    mouse.click(mouse.view.centre)
    second = Mouse(room, 1)
    second.click(beside(second, 5))
    settle(room)
    views = room.build_pane_views()
    assert "by a point that you marked: scrolling only" in views[1].link_note
    assert views[1].badge == ""
    (point,) = project.store.get_common_points("PHANTOM-01")
    assert point.frame_of_reference_uid == room.panes.panes[0].frame


def test_a_sequence_changes_in_place(room: ReadingRoom, mouse: Mouse) -> None:
    focus = room.panes.panes[0].focus
    room.do_wish("t2")
    settle(room)
    assert room.panes.panes[0].focus == focus
    assert mouse.view.series_name.startswith("T2FS")
    room.do_wish("t1")
    assert mouse.view.voxels is not None  # loaded already: nothing to wait for


def test_window_zoom_and_pan_act_on_all_panes(room: ReadingRoom, mouse: Mouse) -> None:
    before = room.build_pane_views()
    mouse.do(PointerKind.PRESS, mouse.view.centre, Button.RIGHT)
    mouse.move(beside(mouse, 20, down_mm=10))
    mouse.do(PointerKind.RELEASE, beside(mouse, 20, down_mm=10), Button.RIGHT)
    mouse.wheel(2, ctrl=True)
    after = room.build_pane_views()
    for old, new in zip(before, after, strict=True):
        assert new.zoom > old.zoom
        assert new.window[1] - new.window[0] > old.window[1] - old.window[0]
    mouse.do(PointerKind.PRESS, mouse.view.centre, Button.MIDDLE)
    mouse.move(beside(mouse, 10))
    mouse.do(PointerKind.RELEASE, beside(mouse, 0), Button.MIDDLE)
    assert mouse.view.centre[1] == pytest.approx(after[0].centre[1] - 10, abs=0.01)
    room.do_wish("reset")
    assert mouse.view.window == before[0].window


# --- signing


def test_signing_names_what_is_missing_freezes_and_counts(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    view = room.sign_off()
    assert len(view.drafts) == 1
    assert view.missing
    assert get_counted_readings(project.store) == []
    sign_off(room)
    settle(room)
    assert len(get_counted_readings(project.store)) == 1
    assert mouse.view.marks[0].style is MarkStyle.FROZEN
    looks = {cell.look for row in room.build_worklist().rows for cell in row.cells if cell}
    assert CellLook.SIGNED in looks
    room.do_wish("undo")
    settle(room)
    assert len(readings(project)) == 1
    assert "nothing more to undo" in room.build_status().hint


def test_what_differs_from_another_reader_does_so_until_it_changes(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    with open_project(project.folder) as theirs:
        their_room = ReadingRoom(theirs, "B", clock=lambda: NOON)
        settle(their_room)
        hand = Mouse(their_room)
        hand.drag(beside(hand, -14), beside(hand, 14))
        settle(their_room)
        sign_off(their_room)
        settle(their_room)
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    settle(room)
    sign_off(room)
    settle(room)

    def look() -> CellLook | None:
        cell = room.build_worklist().rows[0].cells[0]
        return cell.look if cell else None

    assert look() is CellLook.DISCORDANT
    room.do_wish("t2")
    room.say(Answer.GONE)
    assert look() is CellLook.DISCORDANT
    room.do_wish("t1")
    mouse.drag(beside(mouse, -10, down_mm=20), beside(mouse, 3, down_mm=20))
    room.calipers.give_reason("edge was misread")
    assert look() is CellLook.DRAFT


def test_a_signed_answer_changes_only_with_a_reason(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    sign_off(room)
    settle(room)
    mouse.drag(beside(mouse, -10, down_mm=20), beside(mouse, 3, down_mm=20))
    assert room.dialog is Dialog.REASON
    settle(room)
    assert len(readings(project)) == 1
    room.calipers.give_reason("edge was misread")
    settle(room)
    first, second = readings(project)
    assert second.amendment_reason == "edge was misread"
    counted_readings = select_latest_by_cell(get_counted_readings(project.store))
    assert [reading.length_mm for reading in counted_readings.values()] == [first.length_mm]
    sign_off(room)
    settle(room)
    counted_readings = select_latest_by_cell(get_counted_readings(project.store))
    assert [reading.length_mm for reading in counted_readings.values()] == [second.length_mm]


def test_an_amendment_without_a_reason_is_dropped(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    sign_off(room)
    mouse.drag(beside(mouse, -10, down_mm=20), beside(mouse, 3, down_mm=20))
    room.do_wish("cancel")
    settle(room)
    assert len(readings(project)) == 1
    assert room.dialog is None


# --- when something goes wrong


def test_a_store_that_cannot_be_written_gives_a_banner_and_the_answer_stays(
    room: ReadingRoom, project: Project, mouse: Mouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_readings: object, **_options: object) -> None:
        raise ProjectError("The disk is full; nothing was changed. Make room and try again.")

    with monkeypatch.context() as patches:
        patches.setattr(project.store, "add_readings", full)
        mouse.drag(beside(mouse, -10), beside(mouse, 8))
        settle(room)
    assert "disk is full" in room.build_status().banner
    assert room.build_status().saved == "1 not saved"
    assert mouse.view.state.startswith("draft")
    room.do_wish("save")
    settle(room)
    assert len(readings(project)) == 1
    assert (room.build_status().saved, room.build_status().banner) == ("saved", "")


def test_images_that_are_gone_are_said_in_their_pane_and_come_back(project: Project) -> None:
    volume = next(v for v in project.store.get_volumes() if v.role is SeriesRole.T1)
    sources = project.store.get_sources_of([f.sop_instance_uid for f in volume.frames])
    folder = Path(next(iter(sources.values())).path).parent
    away = folder.with_name("unplugged")
    folder.rename(away)
    try:
        room = ReadingRoom(project, "A")
        settle(room)
        (message,) = [view.message for view in room.build_pane_views() if view.voxels is None]
        assert message.count("not there") == message.count(str(folder)) == 1
        banner = room.build_status().banner
        assert banner.startswith("1 of the ")
        assert "Ctrl+S tries again" in banner
    finally:
        away.rename(folder)
    room.do_wish("save")
    settle(room)
    assert all(view.voxels is not None for view in room.build_pane_views())
    assert room.build_status().banner == ""


def test_closing_without_signing_loses_nothing(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    settle(room)
    state_before = mouse.view.state
    with open_project(project.folder) as second_opening:
        again = ReadingRoom(second_opening, "A")
        settle(again)
        assert Mouse(again).view.state == state_before


# --- lesions


def test_a_lesion_is_added_with_its_seed_from_a_click(
    room: ReadingRoom, project: Project, mouse: Mouse
) -> None:
    room.do_wish("add_lesion")
    assert room.dialog is Dialog.LESION
    from opp_mri_napari.reading.basics.tools import Tool

    room.bring_up(None)
    room.marking.choose_tool(Tool.SEED)
    mouse.click(beside(mouse, 5, down_mm=30))
    assert room.dialog is Dialog.LESION
    room.lesion_entry.record({"lesion_id": "NEW", "level": "T99", "ssrs_first_date": "2020-03-12"})
    settle(room)
    assert "vertebra" in room.lesion_entry.error
    room.lesion_entry.record({"lesion_id": "NEW", "level": "L3", "ssrs_first_date": "2020-03-12"})
    settle(room)
    lesion = project.store.get_lesion("NEW")
    assert lesion is not None
    assert lesion.seed is not None
    assert room.session.lesion is not None
    assert room.session.lesion.lesion.lesion_id == "NEW"
    room.do_wish("next_lesion")
    assert room.session.lesion.lesion.lesion_id == "OPP-01"


def test_a_finding_is_noted_on_the_open_lesion(room: ReadingRoom, project: Project) -> None:
    room.lesion_entry.note({"date": "2020-06-01", "event": "fracture", "value": ""})
    settle(room)
    lesion = project.store.get_lesion("OPP-01")
    assert lesion is not None
    assert [event.kind.value for event in lesion.events][-1:] == ["fracture"]


# --- the timeline


def test_the_growth_curve_moves_with_the_caliper(mouse: Mouse, room: ReadingRoom) -> None:
    mouse.press(beside(mouse, -10))
    mouse.move(beside(mouse, 4))
    (curve,) = room.build_timeline().curves
    short = curve.points[0].length_mm
    mouse.move(beside(mouse, 8))
    assert room.build_timeline().curves[0].points[0].length_mm == pytest.approx(short + 4, abs=0.2)
    assert room.build_timeline().curves[0].points[0].draft
    room.do_wish("cancel")
    assert room.build_timeline().curves == ()


def test_what_says_how_sure_a_category_is_stands_beside_the_curve(
    mouse: Mouse, room: ReadingRoom
) -> None:
    mouse.drag(beside(mouse, -10), beside(mouse, 8))
    assert (
        "once more" not in room.build_timeline().margin
    )  # not eligible: there is nothing to be sure of
    for number in (1, 2, 3, 4):
        follow_up = Mouse(room, number)
        follow_up.drag(beside(follow_up, -10), beside(follow_up, 9.8))
    settle(room)
    margin = room.build_timeline().margin
    assert room.session.error is not None
    assert "Fragile: measured once more, it would be the same in" in margin
    assert "A change of" in margin
