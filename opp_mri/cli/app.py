"""The program: its commands, and how errors become exit codes."""

import errno
import os
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

from opp_mri.cli.shared.streams import show_only_what_is_visible
from opp_mri.cli.shared.verbs import VERBS
from opp_mri.errors import InputError, OppMriError, ProjectError

INTERRUPTED: Final = 130
OWNER_ONLY: Final = 0o077
LONGEST_NAME: Final = 200  # characters of a path in a message
REFUSED_PATHS: Final = frozenset(
    {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
)

PLUGIN_GROUP: Final = "opp_mri.commands"  # entry points by which an installed plugin adds commands
NO_PLUGIN: Final = (
    "Commands that open a window come with the plugin napari-opp-mri, which is not installed. "
    "From its sources: `pip install ./plugins/napari-opp-mri`."
)


class _UnavailableError(click.ClickException):  # a usage error, but showing the usage does not help
    exit_code = click.UsageError.exit_code


class _Verbs(click.Group):
    """Commands in the order of the work, then those of plugins, each loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*VERBS, *_find_plugin_verbs()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if verb := VERBS.get(cmd_name):
            commands: tuple[click.Command, ...] = import_module(
                f"opp_mri.cli.{verb.module}"
            ).COMMANDS
            return next(command for command in commands if command.name == cmd_name)
        plugin = _find_plugin_verbs().get(cmd_name)
        return None if plugin is None else _load(plugin)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [(name, verb.summary) for name, verb in VERBS.items()]
        rows += [
            (name, _load(plugin).get_short_help_str(limit=80))
            for name, plugin in _find_plugin_verbs().items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if _find_plugin_verbs():
                raise
            raise click.UsageError(f"{error.message}\n{NO_PLUGIN}", ctx) from error


def _find_plugin_verbs() -> dict[str, EntryPoint]:
    plugins = {entry.name: entry for entry in entry_points(group=PLUGIN_GROUP)}
    return {name: plugins[name] for name in sorted(plugins.keys() - VERBS.keys())}


def _load(entry: EntryPoint) -> click.Command:
    """Load a plugin's command; one that cannot be loaded says so when it is used."""
    try:
        command = entry.load()
    except Exception as error:  # a faulty plugin does not stop the other commands
        return _build_unavailable(
            entry.name,
            f"The plugin that provides `opp-mri {entry.name}` cannot be loaded "
            f"({type(error).__name__}: {error}): install it again.",
        )
    if isinstance(command, click.Command):
        return command
    return _build_unavailable(
        entry.name,
        f"The plugin that provides `opp-mri {entry.name}` offers no command: update it.",
    )


def _build_unavailable(name: str, why: str) -> click.Command:
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
    "3 a file cannot be used, 4 an image cannot be measured, 5 unknown to the project, "
    "6 the project cannot be used, 7 an archive or a scheduler does not answer or answers wrongly, "
    "130 interrupted, 1 a defect of opp_mri.",
)
@click.version_option(package_name="opp-mri", prog_name="opp-mri")
def cli() -> None:
    """Measure and follow spine metastases on serial MRI.

    A project is a folder: create it with init, index images, add lesions, measure them, and
    assess their response.
    """


def main() -> None:
    """Run the command line; an error that a user can correct ends as a sentence and a code."""
    os.umask(OWNER_ONLY)  # what a project holds is for its owner, whatever the system says
    show_only_what_is_visible()
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
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            click.echo("Error: The disk is full. Make room and run the command again.", err=True)
            sys.exit(ProjectError.exit_code)
        if error.errno not in REFUSED_PATHS or error.filename is None:
            raise
        name = os.fsdecode(error.filename)[:LONGEST_NAME]
        click.echo(f"Error: “{name}” cannot be used ({error.strerror}): name another.", err=True)
        sys.exit(InputError.exit_code)
