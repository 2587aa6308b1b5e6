"""A cohort that cannot be written leaves nothing, and says why."""

from pathlib import Path

import pytest

from opp_mri.errors import InputError
from opp_mri.workflow.catalogue import phantom


def test_a_disk_that_fills_up_is_said_in_words_and_leaves_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(folder: Path, *_: object) -> None:
        (folder / "half").write_bytes(b"x")
        raise OSError("100 requested and 10 written")  # as numpy raises it, without a code

    monkeypatch.setattr(phantom, "_write", fill_up)
    with pytest.raises(InputError, match=r"written \(the disk may be full\), and was emptied"):
        phantom.write_phantom(tmp_path / "cohort")
    assert list((tmp_path / "cohort").iterdir()) == []
