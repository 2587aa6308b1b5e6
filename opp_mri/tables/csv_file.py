"""The text of a CSV file; what is none is named."""

import re
from pathlib import Path
from typing import Final, NoReturn

from opp_mri.errors import InputError, TableError, TableFault

_WORKBOOK: Final = re.compile(  # a zip archive, even one that was damaged, or an older .xls
    rb"PK.*[\x00-\x08\x0e-\x1f]|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    re.DOTALL,
)
START_BYTES: Final = 1024  # that show what a file is


def refuse_line(name: str, line: int, message: str) -> NoReturn:
    """Refuse a table by one line of it."""
    raise TableError(name, [TableFault(line, None, message)])


def read_csv_text(path: Path) -> str:
    """Read the text of a CSV file, in UTF-8.

    Raises
    ------
    InputError
        The file cannot be opened.
    TableError
        It is not such a text.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}: check the name and the folder.") from None
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise InputError(f"{path} cannot be read ({why}): give a CSV file.") from error
    if _WORKBOOK.match(content[:START_BYTES]):
        refuse_line(
            path.name,
            1,
            "this is a workbook of a spreadsheet program, not text: save its sheet as CSV with "
            "commas",
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse_line(path.name, 1, "this is UTF-16 text: save it as CSV in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        refuse_line(path.name, line, "a character is not UTF-8: save the file as CSV in UTF-8")
