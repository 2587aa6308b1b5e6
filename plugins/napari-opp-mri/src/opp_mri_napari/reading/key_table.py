"""Which key does what: one table, from which the key sheet is made too; habits may replace some.

A key is written as Qt writes it (`Ctrl+Z`, `Shift+Up`); the name on the right is a wish of the
reading room.
"""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from opp_mri.errors import InputError


@frozen
class Wish:
    """What a key may do.

    Parameters
    ----------
    words
        For the key sheet.
    repeats
        Whether holding the key goes on.
    """

    words: str
    repeats: bool = False


WISHES: Mapping[str, Wish] = MappingProxyType(
    {
        "up": Wish("slice towards the patient's left; with an end selected: nudge 0.1 mm", True),
        "down": Wish("slice towards the patient's right; with an end selected: nudge", True),
        "left": Wish("previous series; with an end selected: nudge", True),
        "right": Wish("next series; with an end selected: nudge", True),
        "voxel_up": Wish("selected end: one voxel up", True),
        "voxel_down": Wish("selected end: one voxel down", True),
        "voxel_left": Wish("selected end: one voxel left", True),
        "voxel_right": Wish("selected end: one voxel right", True),
        "axis_up": Wish("selected end: 0.1 mm along the AP axis", True),
        "axis_down": Wish("selected end: 0.1 mm along the AP axis", True),
        "axis_left": Wish("selected end: 0.1 mm along the AP axis, to the left", True),
        "axis_right": Wish("selected end: 0.1 mm along the AP axis, to the right", True),
        "previous_time_point": Wish("previous time point"),
        "next_time_point": Wish("next time point"),
        "t1": Wish("T1 at the same place"),
        "t2": Wish("T2FS or STIR at the same place"),
        "post": Wish("T1POST at the same place"),
        "caliper": Wish("AP caliper: two clicks, or press and drag; Shift frees it of the axis"),
        "switch_end": Wish("select an end of the caliper, then the other"),
        "endplate": Wish("set the vertebra's AP axis: two clicks along an endplate"),
        "posterior_wall": Wish("set the vertebra's AP axis: two clicks along the posterior wall"),
        "not_measurable": Wish("not measurable, or abnormality gone (0.0 mm)"),
        "withdraw": Wish("take the answer back"),
        "undo": Wish("undo", True),
        "redo": Wish("redo", True),
        "confirm": Wish("confirm, and go to the next unread cell"),
        "next_lesion": Wish("next lesion"),
        "previous_lesion": Wish("previous lesion"),
        "auto_window": Wish("window from the lesion's surroundings, all time points"),
        "reset": Wish("reset zoom, place and window"),
        "magnifier": Wish("magnifier on or off"),
        "ghost": Wish("prior caliper (ghost) on or off"),
        "layout": Wish("panes: all, then baseline, prior and current, then one"),
        "fits": Wish("look at the fits that link the panes, and confirm or reject them"),
        "common_point": Wish("mark one point in two panes, to link their scrolling"),
        "add_lesion": Wish("add a lesion"),
        "sign": Wish("sign off this lesion"),
        "save": Wish("try again to save or to load"),
        "napari": Wish("napari's own layers and canvas"),
        "keys": Wish("this key sheet"),
        "cancel": Wish("cancel the line, the selection or the tool"),
    }
)

OWN: Mapping[str, str] = MappingProxyType(
    {
        "Up": "up", "Down": "down", "Left": "left", "Right": "right",
        "Shift+Up": "voxel_up", "Shift+Down": "voxel_down",
        "Shift+Left": "voxel_left", "Shift+Right": "voxel_right",
        "Alt+Up": "axis_up", "Alt+Down": "axis_down",
        "Alt+Left": "axis_left", "Alt+Right": "axis_right",
        "Ctrl+Left": "previous_time_point", "Ctrl+Right": "next_time_point",
        "1": "t1", "2": "t2", "3": "post",
        "L": "caliper", "D": "caliper", "Tab": "switch_end",
        "X": "endplate", "Shift+X": "posterior_wall",
        "Q": "not_measurable", "Backspace": "withdraw", "Del": "withdraw",
        "Ctrl+Z": "undo", "Ctrl+Y": "redo", "Ctrl+Shift+Z": "redo",
        "Return": "confirm", "Enter": "confirm",
        "N": "next_lesion", "Shift+N": "previous_lesion",
        "A": "auto_window", "R": "reset", "M": "magnifier", "G": "ghost",
        "P": "layout", "F": "fits", "K": "common_point", "Shift+A": "add_lesion", "S": "sign",
        "Ctrl+S": "save", "F2": "napari", "F1": "keys", "?": "keys", "Esc": "cancel",
    }
)  # fmt: skip

# Keys that readers of other viewers have in their fingers; they come on top of our own.
HABITS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "OHIF": {"Z": "magnifier", "Space": "reset", "PgUp": "left", "PgDown": "right"},
        "Horos": {"D": "caliper", "PgUp": "up", "PgDown": "down", "Ctrl+0": "auto_window"},
        "Weasis": {"D": "caliper", "Esc": "cancel", "Home": "reset", "Ctrl+Alt+Z": "reset"},
    }
)

MOUSE = (
    ("wheel; Shift + wheel", "slice in all linked panes; five slices"),
    ("Ctrl + wheel", "zoom"),
    ("right drag; double right click", "window and level; back to normal"),
    ("middle drag, Space + drag", "move the image"),
    ("left button", "caliper, or the tool that was chosen; an end or the line can be dragged"),
)


def key_table(habit: str = "", own: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Give what each key does.

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
    chosen = {**OWN, **HABITS.get(habit, {}), **(own or {})}
    if unknown := [wish for wish in chosen.values() if wish and wish not in WISHES]:
        raise InputError(f"No key can do “{unknown[0]}”: choose one of {', '.join(WISHES)}.")
    return {key: wish for key, wish in chosen.items() if wish}


def key_sheet(table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give the rows of the key sheet: keys, and what they do."""
    by_wish: dict[str, list[str]] = {}
    for key, wish in table.items():
        by_wish.setdefault(wish, []).append(key)
    rows = [
        (", ".join(by_wish[name]), wish.words) for name, wish in WISHES.items() if name in by_wish
    ]
    return (*MOUSE, *rows)
