"""The program: its verbs, and what becomes of errors."""

import os
import sys

import click

from opp_mri import __version__
from opp_mri.cli import catalogue, demo, lesions, response
from opp_mri.errors import OppMriError

INTERRUPTED = 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Research software, not a medical device. Exit codes: 0 done, 2 wrong command line, "
    "3 a file cannot be used, 4 an image cannot be measured, 5 something is not known, "
    "6 the project cannot be used, 130 interrupted, 1 a fault of opp_mri's own.",
)
@click.version_option(__version__, prog_name="opp-mri")
def cli() -> None:
    """Measure and follow spine metastases on serial MRI.

    A project is a folder: make it with init, fill it with index, add lesions, measure them, and
    assess their response.
    """


for _module in (catalogue, lesions, response, demo):
    for _command in _module.COMMANDS:
        cli.add_command(_command)


def main() -> None:
    """Run the command line; turn what a user can mend into a sentence and an exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; what was done so far is kept.", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OppMriError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
