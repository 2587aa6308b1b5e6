"""What is not needed is not loaded: counted in modules, as seconds depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COHORT = Path(__file__).parents[2] / "sample_data" / "cohort"

MODULES = """
import json, sys
before = set(sys.modules)
try:
    {action}
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted(set(sys.modules) - before)))
"""


def modules_loaded_by(action: str) -> list[str]:
    """Give the modules that a new Python loads for a statement."""
    process = subprocess.run(
        [sys.executable, "-c", MODULES.format(action=action)], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    modules: list[str] = json.loads(process.stderr)
    return modules


def packages(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names


def test_import_opp_mri_loads_nothing_else() -> None:
    assert modules_loaded_by("import opp_mri") == ["opp_mri"]


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_list_of_commands_loads_no_library_but_that_of_the_command_line(
    words: list[str],
) -> None:
    modules = modules_loaded_by(
        f"sys.argv = ['opp-mri', *{words}]; from opp_mri.cli import main; main()"
    )
    assert packages(modules) <= {"attr", "attrs", "click", "opp_mri", "opp_mri_napari"}
    assert len(modules) < 220


def test_tables_of_a_cohort_load_no_library_for_figures() -> None:
    modules = modules_loaded_by(
        f"sys.argv = ['opp-mri', 'cohort', '--tables', {str(COHORT)!r}];"
        " from opp_mri.cli import main; main()"
    )
    assert "opp_mri.cohort.tables.analysis_tables" in modules  # the tables were made
    assert packages(modules).isdisjoint({"matplotlib", "PIL", "jinja2", "pydicom"})
