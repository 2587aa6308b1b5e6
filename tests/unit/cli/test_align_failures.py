"""What stops many visits alike, as a store that is gone, is said once with their number."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from opp_mri.cli import align
from opp_mri.cli.app import cli
from opp_mri.workflow.project import create_project
from opp_mri.workflow.registration.align import AlignSummary

GONE = "The images cannot be read: connect their drive."


def test_visits_that_failed_for_one_reason_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_project(tmp_path / "p")
    summary = AlignSummary(alignments=(), new=0, failures=(GONE, "Another reason.", GONE, GONE))
    monkeypatch.setattr(align, "align_project", lambda *_args, **_options: summary)
    result = CliRunner().invoke(cli, ["align", "--project", str(tmp_path / "p")])
    lines = [line for line in result.stderr.splitlines() if line.startswith("Not registered")]
    assert lines == [
        f"Not registered, 3 visits: {GONE}",
        "Not registered, 1 visit: Another reason.",
    ]
