"""Verbs that the plugin adds to `opp-mri`; napari and Qt are loaded when one of them runs."""

import gc
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from opp_mri_napari.reading.basics.key_table import HABITS, WISHES, build_key_table

X_PORT: Final = 6000  # of display 0
ANSWER_S: Final = 3.0

in_project = click.option(
    "--project",
    "project_folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="OPP_MRI_PROJECT",
    show_default="this folder",
    help="The project's folder, as made by `opp-mri init`.",
)


class NoScreenError(click.ClickException):
    """There is nowhere to open a window."""

    exit_code = click.UsageError.exit_code


@click.command("review", epilog="\b\nExample:\n  opp-mri review --project study --reader A")
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@in_project
@click.option("--reader", required=True, help="Name of the reader who decides.")
def review_command(lesion_ids: tuple[str, ...], project_folder: Path, reader: str) -> None:
    """Confirm or reject fits in a window, each with one key on an overlay.

    Each decision is recorded at once, so the window may be closed at any time. Ghosts and carried
    points exist only through confirmed fits.
    """
    _need_screen()
    from opp_mri_napari.fits.window import review_fits

    review_fits(project_folder, reader, lesion_ids)


def _read_own_keys(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> Mapping[str, str]:
    keys = dict(text.partition("=")[::2] for text in texts)
    unknown = [wish for wish in keys.values() if wish and wish not in WISHES]
    if unknown or any("=" not in text for text in texts):
        raise click.BadParameter(f"write KEY=WISH, with one of {', '.join(WISHES)}")
    return keys


@click.command("read", epilog="\b\nExample:\n  opp-mri read --project study --reader A")
@in_project
@click.option("--reader", required=True, help="Name of the reader.")
@click.option(
    "--keys",
    "habit",
    type=click.Choice(list(HABITS)),
    help="Keys of another viewer, in addition to the default keys.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY=WISH",
    callback=_read_own_keys,
    help="Set a key, such as V=caliper, or remove one with KEY=; may be given several times.",
)
def read_command(
    project_folder: Path, reader: str, habit: str | None, keys: Mapping[str, str]
) -> None:
    """Read a project's patients in a window: calipers, timelines and sign-off.

    Every answer is saved as it is made. What is not signed is a draft: `assess` and `timeline` do
    not count it. F1 shows all keys.
    """
    _need_screen()
    gc.disable()  # all that is imported stays; looking through it again and again takes a tenth
    try:
        from opp_mri_napari.reading.widgets.app import read

        read(project_folder, reader, build_key_table(habit or "", keys))
    finally:
        gc.enable()


@click.command(
    "consensus-room",
    epilog="\b\nExample:\n  opp-mri consensus-room --project study --signed-by reader-1",
)
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@in_project
@click.option(
    "--signed-by", "signer", required=True, help="A reader of the protocol, or its adjudicator."
)
def consensus_command(lesion_ids: tuple[str, ...], project_folder: Path, signer: str) -> None:
    """Resolve two signed reads in a window: A and B over one image, unnamed.

    Each resolution is recorded at once, with its reason, and a later one follows an earlier one.
    The consensus counts once all who have to have signed.
    """
    _need_screen()
    from opp_mri_napari.consensus.window import open_consensus

    open_consensus(project_folder, signer, lesion_ids)


def _need_screen() -> None:
    if sys.platform != "linux":
        return
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise NoScreenError(
            "There is no screen to open a window on: run this on a desktop, or with X forwarding."
        )
    display = os.environ.get("DISPLAY", "")
    elsewhere = any(os.environ.get(name) for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if display and not elsewhere and not _probe_display(display):
        raise NoScreenError(
            f"The screen {display} does not answer: start its X server, or correct DISPLAY."
        )


def _probe_display(display: str) -> bool:
    """Return whether an X server answers under a name such as `:0` or `localhost:10.0`."""
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdigit():
        return True  # a name of another kind: Qt will say what is wrong with it
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"  # noqa: S108 # where X servers listen
        return any(_probe_address(socket.AF_UNIX, place) for place in (path, f"\0{path}"))
    return _probe_address(socket.AF_INET, (host, X_PORT + int(number)))


def _probe_address(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_S)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
