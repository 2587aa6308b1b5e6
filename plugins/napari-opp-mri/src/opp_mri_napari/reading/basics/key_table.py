"""Which key does what: one table, from which the key sheet is made too; habits may replace some.

A key is written as Qt writes it (`Ctrl+Z`, `Shift+Up`); the name on the right is a wish of the
reading room.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import frozen

from opp_mri.errors import InputError


class Group(StrEnum):
    """Under which heading of the key sheet a key stands."""

    GO = "Go to"
    LOOK = "Look"
    PANES = "Panes"
    MEASURE = "Measure"
    NUDGE = "Move an end by keys"
    RECORD = "Sign and save"
    WINDOW = "Window and help"


@frozen
class Wish:
    """What a key may do.

    Parameters
    ----------
    words
        For the key sheet.
    group
        Its heading there.
    repeats
        Whether holding the key goes on.
    """

    words: str
    group: Group
    repeats: bool = False


WISHES: Final[Mapping[str, Wish]] = MappingProxyType(
    {
        "confirm": Wish(
            "accept the proposal where one is shown; next unread cell; on the sign-off: sign; "
            "while a contour is drawn: close it",
            Group.GO,
        ),
        "next_lesion": Wish("next lesion", Group.GO),
        "previous_lesion": Wish("previous lesion", Group.GO),
        "previous_time_point": Wish("previous time point", Group.GO),
        "next_time_point": Wish("next time point", Group.GO),
        "up": Wish("slice towards the patient's left; an end is selected: nudge", Group.GO, True),
        "down": Wish(
            "slice towards the patient's right; an end is selected: nudge", Group.GO, True
        ),
        "left": Wish("previous series; an end is selected: nudge", Group.GO, True),
        "right": Wish("next series; an end is selected: nudge", Group.GO, True),
        "t1": Wish("T1 at the same place", Group.LOOK),
        "t2": Wish("T2FS or STIR at the same place", Group.LOOK),
        "post": Wish("T1POST at the same place", Group.LOOK),
        "auto_window": Wish("window from the lesion's surroundings, all panes", Group.LOOK),
        "copy_window": Wish("this pane's window and level for all panes", Group.LOOK),
        "window_preset": Wish("next window preset, all panes", Group.LOOK),
        "reset": Wish("reset zoom, place and window", Group.LOOK),
        "magnifier": Wish("magnifier on or off, at the mouse or the selected end", Group.LOOK),
        "ghost": Wish("prior caliper (ghost) on or off", Group.LOOK),
        "category": Wish("category by the answers so far, before all cells are read", Group.LOOK),
        "layout": Wish("all time points; baseline, prior and current; one", Group.PANES),
        "sequences": Wish("sequences of this time point; time points by sequences", Group.PANES),
        "confirm_level": Wish(
            "confirm the level: the lesion's vertebra is under the mouse", Group.PANES
        ),
        "waiting_fits": Wish("show the good fits that wait; again: confirm them all", Group.PANES),
        "fits": Wish("look at the fits that link the panes, confirm or reject them", Group.PANES),
        "align": Wish("align this patient's follow-ups", Group.PANES),
        "common_point": Wish("mark one point in two panes, to link their scrolling", Group.PANES),
        "aside": Wish("another series (axial first) next to this pane, and back", Group.PANES),
        "blink": Wish("blink with the baseline, along a confirmed fit", Group.PANES),
        "compare": Wish("overlay with the baseline, difference from it, off", Group.PANES),
        "less_baseline": Wish("overlay: less baseline", Group.PANES, True),
        "more_baseline": Wish("overlay: more baseline", Group.PANES, True),
        "candidates": Wish(
            "candidate lines on several slices: all recorded, the greatest kept", Group.MEASURE
        ),
        "propose": Wish("propose lines from the point under the mouse", Group.MEASURE),
        "proposals": Wish("proposals on or off", Group.MEASURE),
        "caliper": Wish(
            "AP caliper: two clicks, or press and drag; Shift frees it from the axis", Group.MEASURE
        ),
        "contour": Wish(
            "contour on this slice: click along the edge, or press and draw; again: calipers",
            Group.MEASURE,
        ),
        "reference": Wish(
            "contour of a vertebra that was not irradiated, for the T2 ratio; again: the next one",
            Group.MEASURE,
        ),
        "switch_end": Wish("select an end of the caliper, then the other", Group.MEASURE),
        "endplate": Wish("set the vertebra's AP axis: two clicks along an endplate", Group.MEASURE),
        "posterior_wall": Wish(
            "set the vertebra's AP axis: two clicks along the posterior wall", Group.MEASURE
        ),
        "not_measurable": Wish("not measurable, or abnormality gone (0.0 mm)", Group.MEASURE),
        "withdraw": Wish(
            "take the answer back; with the contour tool: the contour of this slice", Group.MEASURE
        ),
        "settle": Wish(
            "choose the series in doubt that is shown for its sequence; again: take it back",
            Group.MEASURE,
        ),
        "undo": Wish("undo", Group.MEASURE, True),
        "redo": Wish("redo", Group.MEASURE, True),
        "voxel_up": Wish("one voxel up", Group.NUDGE, True),
        "voxel_down": Wish("one voxel down", Group.NUDGE, True),
        "voxel_left": Wish("one voxel left", Group.NUDGE, True),
        "voxel_right": Wish("one voxel right", Group.NUDGE, True),
        "axis_up": Wish("0.1 mm along the AP axis", Group.NUDGE, True),
        "axis_down": Wish("0.1 mm along the AP axis", Group.NUDGE, True),
        "axis_left": Wish("0.1 mm along the AP axis, to the left", Group.NUDGE, True),
        "axis_right": Wish("0.1 mm along the AP axis, to the right", Group.NUDGE, True),
        "add_lesion": Wish("add a lesion, a finding or an event", Group.RECORD),
        "correct_lesion": Wish("correct the open lesion", Group.RECORD),
        "sign": Wish("sign off this lesion", Group.RECORD),
        "save": Wish("try again to save or to load", Group.RECORD),
        "key_images": Wish("key images of this sequence, to show and to save", Group.RECORD),
        "dictate": Wish("copy the lesion as text for dictation", Group.RECORD),
        "order": Wish("order of cells: by sequence first, or by time point first", Group.WINDOW),
        "larger": Wish("larger text", Group.WINDOW),
        "smaller": Wish("smaller text", Group.WINDOW),
        "napari": Wish("napari's own layers and canvas", Group.WINDOW),
        "keys": Wish("this key sheet", Group.WINDOW),
        "cancel": Wish("cancel the line, the selection or the tool", Group.WINDOW),
    }
)

OWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Up": "up", "Down": "down", "Left": "left", "Right": "right",
        "Shift+Up": "voxel_up", "Shift+Down": "voxel_down",
        "Shift+Left": "voxel_left", "Shift+Right": "voxel_right",
        "Alt+Up": "axis_up", "Alt+Down": "axis_down",
        "Alt+Left": "axis_left", "Alt+Right": "axis_right",
        "Ctrl+Left": "previous_time_point", "Ctrl+Right": "next_time_point",
        "1": "t1", "2": "t2", "3": "post",
        "L": "caliper", "D": "caliper", "T": "contour", "Shift+T": "reference",
        "Tab": "switch_end",
        "H": "propose", "Shift+H": "proposals", "X": "endplate", "Shift+X": "posterior_wall",
        "U": "settle", "Q": "not_measurable", "Backspace": "withdraw", "Del": "withdraw",
        "Ctrl+Z": "undo", "Ctrl+Y": "redo", "Ctrl+Shift+Z": "redo",
        "Return": "confirm", "Enter": "confirm",
        "N": "next_lesion", "Shift+N": "previous_lesion", "V": "confirm_level",
        "Shift+V": "waiting_fits",
        "A": "auto_window", "R": "reset", "M": "magnifier", "G": "ghost",
        "P": "layout", "Shift+P": "sequences", "F": "fits", "Shift+F": "align",
        "K": "common_point", "Shift+A": "add_lesion", "Ctrl+E": "correct_lesion", "S": "sign",
        "O": "aside", "B": "blink", "Shift+B": "compare", "[": "less_baseline",
        "]": "more_baseline", "E": "candidates", "W": "copy_window",
        "Shift+W": "window_preset", "C": "category", "Ctrl+O": "order",
        "Ctrl++": "larger", "Ctrl+=": "larger", "Ctrl+-": "smaller",
        "I": "key_images", "Ctrl+C": "dictate", "Ctrl+S": "save", "F2": "napari",
        "F1": "keys", "?": "keys", "Esc": "cancel",
    }
)  # fmt: skip

# Keys that readers of other viewers have in their fingers; they come on top of our own.
HABITS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "OHIF": {"Z": "magnifier", "Space": "reset", "PgUp": "left", "PgDown": "right"},
        "Horos": {"D": "caliper", "PgUp": "up", "PgDown": "down", "Ctrl+0": "auto_window"},
        "Weasis": {"D": "caliper", "Esc": "cancel", "Home": "reset", "Ctrl+Alt+Z": "reset"},
    }
)

MOUSE: Final = (
    ("wheel; Shift + wheel", "slice in all linked panes; five slices"),
    ("Ctrl + wheel", "zoom"),
    ("right drag; double right click", "window and level; back to normal"),
    ("middle drag, Space + drag", "move the image"),
    (
        "left button",
        "caliper, or the tool that was chosen; an end or the line can be dragged, a proposal too",
    ),
    (
        "double click",
        "one pane large, and back; with the contour tool: close the contour that is drawn",
    ),
)

KeyGroups = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""Headings of the key sheet, each with its rows of keys and what they do."""


def build_key_table(habit: str = "", own: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return what each key does.

    Parameters
    ----------
    habit
        A name of `HABITS`, or "" for our keys alone.
    own
        Keys that a reader set; they come before all others. "" takes a key away.

    Raises
    ------
    InputError
        A habit or a wish is unknown.
    """
    if habit and habit not in HABITS:
        raise InputError(f"There are no keys called “{habit}”: choose {', '.join(HABITS)}.")
    wish_by_key = {**OWN, **HABITS.get(habit, {}), **(own or {})}
    if unknown := [wish for wish in wish_by_key.values() if wish and wish not in WISHES]:
        raise InputError(f"No key can do “{unknown[0]}”: choose one of {', '.join(WISHES)}.")
    return {key: wish for key, wish in wish_by_key.items() if wish}


def build_key_sheet(table: Mapping[str, str]) -> KeyGroups:
    """Return the key sheet: headings, each with its rows of keys and what they do."""
    by_wish: dict[str, list[str]] = {}
    for key, wish in table.items():
        by_wish.setdefault(wish, []).append(key)
    groups: list[tuple[str, tuple[tuple[str, str], ...]]] = [("Mouse", MOUSE)]
    for group in Group:
        rows = tuple(
            (", ".join(by_wish[name]), wish.words)
            for name, wish in WISHES.items()
            if wish.group is group and name in by_wish
        )
        groups.append((group.value, rows))
    return tuple(groups)
