"""The command line: one function a verb, thin; the only place that turns errors into exit codes."""

from opp_mri.cli.app import main

__all__ = ["main"]
