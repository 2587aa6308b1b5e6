"""Files that are written whole or not at all."""

from pathlib import Path

from opp_mri.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a page or a picture; a file that is there is replaced, or left as it was.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")  # a full disk or Ctrl-C leaves no half of a page
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path} could not be written ({error.strerror}): name a folder that exists, where you "
            "may write and there is room."
        ) from error
