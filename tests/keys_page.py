"""Write docs/reference/keys.md out of the reading room's own table of keys."""

from pathlib import Path

from opp_mri_napari.room.key_table import HABITS, MOUSE, WISHES, key_table

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "keys.md"
HEAD = (
    "# Keys of the reading room\n\n"
    "Written by `python tests/keys_page.py` from the table that the window uses.\n"
    "`opp-mri read --keys OHIF` (or `Horos`, `Weasis`) puts a few keys of that viewer on top.\n"
    "Keys are taken before napari's own, whichever widget is active; in a line of text they write."
    "\n\n| mouse | does |\n|---|---|"
)


def page() -> str:
    """Give the page."""
    lines = [HEAD]
    lines += [f"| {what} | {words} |" for what, words in MOUSE]
    lines += ["", "| key | does |", "|---|---|"]
    table = key_table()
    for name, wish in WISHES.items():
        keys = ", ".join(f"`{key}`" for key, wanted in table.items() if wanted == name)
        if keys:
            lines.append(f"| {keys} | {wish.words} |")
    lines += ["", "| habit | keys that it adds |", "|---|---|"]
    for habit, keys_of in HABITS.items():
        added = ", ".join(f"`{key}`: {WISHES[wish].words}" for key, wish in keys_of.items())
        lines.append(f"| {habit} | {added} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
