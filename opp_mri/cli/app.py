"""The program: its verbs, and what becomes of errors."""

import io
import os
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import click

from opp_mri import __version__
from opp_mri.errors import OppMriError

INTERRUPTED = 130

# A verb's module is loaded when the verb is used: pydicom or matplotlib take a second to load.
VERBS = {
    "init": "opp_mri.cli.catalogue",
    "index": "opp_mri.cli.catalogue",
    "series": "opp_mri.cli.catalogue",
    "files": "opp_mri.cli.catalogue",
    "patients": "opp_mri.cli.catalogue",
    "role": "opp_mri.cli.catalogue",
    "lesion": "opp_mri.cli.lesions",
    "measure": "opp_mri.cli.lesions",
    "readings": "opp_mri.cli.lesions",
    "align": "opp_mri.cli.align",
    "fit": "opp_mri.cli.align",
    "timeline": "opp_mri.cli.response",
    "assess": "opp_mri.cli.response",
    "criteria": "opp_mri.cli.response",
    "protocol": "opp_mri.cli.study",
    "reader-package": "opp_mri.cli.study",
    "reader-merge": "opp_mri.cli.study",
    "agreement": "opp_mri.cli.agreement",
    "discordance": "opp_mri.cli.agreement",
    "consensus": "opp_mri.cli.consensus",
    "unblind": "opp_mri.cli.study",
    "certify": "opp_mri.cli.certify",
    "cohort": "opp_mri.cli.cohort",
    "phantom": "opp_mri.cli.demo",
    "demo": "opp_mri.cli.demo",
}


PLUGIN_GROUP = "opp_mri.commands"  # entry points by which an installed plugin adds verbs
VIEWER_VERBS = frozenset(
    {"read", "review", "consensus-room"}
)  # those of napari-opp-mri, known here only to say what is missing


class _UnavailableError(click.ClickException):  # a usage error, but showing the usage does not help
    exit_code = click.UsageError.exit_code


class _Verbs(click.Group):
    """Verbs in the order of the work, then those of plugins, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*VERBS, *_plugin_verbs()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name in VERBS:
            commands: tuple[click.Command, ...] = import_module(VERBS[cmd_name]).COMMANDS
            return next(command for command in commands if command.name == cmd_name)
        if plugin := _plugin_verbs().get(cmd_name):
            return _loaded(plugin)
        if cmd_name in VIEWER_VERBS:
            return _unavailable(
                cmd_name,
                f"`opp-mri {cmd_name}` opens a window, and the viewer is not installed. "
                "Install the plugin napari-opp-mri beside opp-mri: from its sources, "
                "`pip install ./plugins/napari-opp-mri`.",
            )
        return None


def _plugin_verbs() -> dict[str, EntryPoint]:
    found = {entry.name: entry for entry in entry_points(group=PLUGIN_GROUP)}
    return {name: found[name] for name in sorted(found.keys() - VERBS.keys())}


def _loaded(entry: EntryPoint) -> click.Command:
    """Load a plugin's verb; one that cannot be loaded says so when it is used, and only then."""
    try:
        command = entry.load()
    except Exception as error:  # whatever a plugin does wrong, the other verbs go on
        return _unavailable(
            entry.name,
            f"The plugin behind `opp-mri {entry.name}` cannot be loaded "
            f"({type(error).__name__}: {error}): install it again.",
        )
    if isinstance(command, click.Command):
        return command
    return _unavailable(
        entry.name, f"The plugin behind `opp-mri {entry.name}` offers no command: update it."
    )


def _unavailable(name: str, why: str) -> click.Command:
    @click.command(
        name,
        help=why,
        short_help="(cannot be used: run it to see why)",
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("_words", nargs=-1, type=click.UNPROCESSED)
    def say_why(_words: tuple[str, ...]) -> None:
        raise _UnavailableError(why)

    return say_why


@click.group(
    cls=_Verbs,
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


def main() -> None:
    """Run the command line; turn what a user can mend into a sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files need not be text
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; what was recorded so far is kept.", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OppMriError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
