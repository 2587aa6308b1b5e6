"""Write docs/reference/commands.md from the help of each command."""

import sys
from pathlib import Path

import click

from opp_mri.cli.app import cli

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
INTRODUCTION = """\
# Commands

Each command as `opp-mri COMMAND --help` prints it. This page is written by
`python tests/commands_page.py`.

| exit code | means |
|---|---|
| 0 | done |
| 1 | a fault of opp_mri's own, with a traceback: please report it |
| 2 | the command line is wrong |
| 3 | a file that was given cannot be used |
| 4 | an image cannot be measured |
| 5 | something is not known to the project |
| 6 | the project cannot be used |
| 130 | interrupted; what was done is kept |
"""


def commands(group: click.Group, words: str) -> list[tuple[str, click.Command]]:
    """Every command below a group with the words that call it."""
    found: list[tuple[str, click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group) and command.invoke_without_command:
            found.append((f"{words} {name}", command))
        if isinstance(command, click.Group):
            found += commands(command, f"{words} {name}")
        elif command is not None:
            found.append((f"{words} {name}", command))
    return found


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for words, command in commands(cli, "opp-mri"):
        context = click.Context(
            command,
            info_name=words,
            help_option_names=cli.context_settings["help_option_names"],
            max_content_width=100,
            terminal_width=100,
        )
        parts.append(f"\n## {words}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.buffer.write(page().encode())
    else:
        PAGE.write_bytes(page().encode())
