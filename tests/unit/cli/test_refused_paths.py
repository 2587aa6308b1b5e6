"""A path that the system refuses ends as a sentence with its name, never as a traceback."""

import os
import sys
from pathlib import Path

import pytest

from opp_mri.cli.app import main


def test_a_path_that_the_system_refuses_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = os.umask(0o077)
    for folder in ("a" * 5000, str(tmp_path / "loop")):
        monkeypatch.setattr(sys, "argv", ["opp-mri", "files", "--project", folder])
        with pytest.raises(SystemExit) as exit_info:
            main()
        message = capsys.readouterr().err
        assert exit_info.value.code != 1, message
        assert message.startswith("Error: ")
        assert len(message) < 500
    os.umask(before)
