"""The rooms of the house import downward only, and each library has one home."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_import_contract_is_kept() -> None:
    pytest.importorskip("opp_mri_napari", reason="the contracts speak of the plugin too")
    lint = Path(sys.executable).with_name("lint-imports")
    process = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr


def test_the_core_loads_without_napari_qt_or_a_window_of_matplotlib() -> None:
    program = """
import pkgutil, importlib, sys
import opp_mri
for module in pkgutil.walk_packages(opp_mri.__path__, "opp_mri."):
    if not module.name.endswith("env"):  # alembic runs its environment itself
        importlib.import_module(module.name)
unwanted = {"napari", "qtpy", "PySide6", "matplotlib.pyplot"} & set(sys.modules)
sys.exit(f"loaded: {sorted(unwanted)}" if unwanted else 0)
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
