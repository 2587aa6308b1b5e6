"""Verbs that show a lesion to those who decide: strip, key-images, dictate."""

from pathlib import Path
from typing import Final

import click

from opp_mri.cli.response import reader_option
from opp_mri.cli.shared.options import format_example, project_option
from opp_mri.cli.shared.rules import RulesChoice, add_rules_options
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_count
from opp_mri.workflow.assessing.respond import assess_project
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.project import open_project

identity_option = click.option(
    "--without-identity",
    is_flag=True,
    help="Leave out names, codes, dates and the reader; weeks and lengths stay.",
)
sequence_option = click.option(
    "--sequence",
    type=click.Choice([role.value for role in SeriesRole]),
    help="Which sequence; default: the one that decides the category.",
)


@click.command("strip", epilog=format_example("opp-mri strip OPP-01 --project study -o strip.png"))
@click.argument("lesion_id", metavar="LESION")
@project_option
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Strip: .png, .svg or .pdf. Slides for a tumour board: .pptx. Loop: .gif.",
)
@sequence_option
@identity_option
@reader_option
@add_rules_options
def strip_command(
    lesion_id: str,
    project_folder: Path,
    output: Path,
    sequence: str | None,
    without_identity: bool,
    reader: str | None,
    rules: RulesChoice,
) -> None:
    """Draw the key images of LESION: each visit at the lesion, with caliper, mm and weeks.

    A picture is a native slice, turned and enlarged for display along fits that a reader has
    confirmed. A visit without a confirmed fit, or without the sequence, says so in words.
    """
    from opp_mri.workflow.cohort.key_images import draw_key_strip
    from opp_mri.workflow.cohort.key_pictures import (  # loads matplotlib, which takes a second
        check_file_name,
        save_key_images,
    )

    check_file_name(output)
    with open_project(project_folder) as project:
        check_shown(project.store, [reader] if reader else ())
        (lesion,) = assess_project(
            project, rules.complete_for_project(project), [lesion_id], reader=reader
        )
        check_shown(project.store, [lesion.reader])
        strip = draw_key_strip(project.store, lesion, SeriesRole(sequence) if sequence else None)
    save_key_images(output, strip, lesion, identity=not without_identity)
    for panel in strip.panels:
        if panel.image is None:
            click.echo(f"{panel.when}: {panel.reason}", err=True)
    click.echo(f"Written: {output}")


@click.command(
    "key-images", epilog=format_example("opp-mri key-images OPP-01 keys --project study")
)
@click.argument("lesion_id", metavar="LESION")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@project_option
@click.option(
    "--sequence",
    type=click.Choice([role.value for role in SeriesRole]),
    help="Only this sequence; default: all.",
)
@reader_option
@add_rules_options
def key_images_command(
    lesion_id: str,
    folder: Path,
    project_folder: Path,
    sequence: str | None,
    reader: str | None,
    rules: RulesChoice,
) -> None:
    """Write the key images of LESION as DICOM objects into FOLDER, for the archive.

    Each caliper becomes a presentation state, which draws it on the native image in any viewer, and
    a secondary capture, a picture for display only. Each study gets a key object selection of its
    measured images. `opp-mri pacs push` sends them.
    """
    from opp_mri.workflow.cohort.key_objects import write_key_objects  # loads matplotlib

    with open_project(project_folder) as project:
        check_shown(project.store, [reader] if reader else ())
        (lesion,) = assess_project(
            project, rules.complete_for_project(project), [lesion_id], reader=reader
        )
        check_shown(project.store, [lesion.reader])
        summary = write_key_objects(
            project.store, lesion, folder, SeriesRole(sequence) if sequence else None
        )
    click.echo(
        f"{format_count(len(summary.states), 'presentation state')}, "
        f"{format_count(len(summary.selections), 'key object selection')} and "
        f"{format_count(len(summary.pictures), 'secondary capture')} in {folder}."
    )
    for sentence in summary.left_out:
        click.echo(f"Left out: {sentence}", err=True)


def _show_template(context: click.Context, _: click.Parameter, flag: bool) -> None:
    if not flag or context.resilient_parsing:
        return
    from opp_mri.workflow.cohort.dictating import read_shipped_template

    click.echo(read_shipped_template(), nl=False)
    context.exit()


@click.command("dictate", epilog=format_example("opp-mri dictate OPP-01 --project study"))
@click.argument("lesion_id", metavar="LESION")
@project_option
@reader_option
@add_rules_options
@click.option(
    "--show-template",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_template,
    help="Print the shipped template, to be changed and named in opp_mri.toml.",
)
def dictate_command(
    lesion_id: str, project_folder: Path, reader: str | None, rules: RulesChoice
) -> None:
    """Print LESION as a text for dictation: level, AP extents by date, category and cautions.

    The text follows a jinja2 template: the file that `dictation_template` in the project's
    opp_mri.toml names, else the shipped one.
    """
    from opp_mri.workflow.cohort.dictating import dictate_lesion

    with open_project(project_folder) as project:
        check_shown(project.store, [reader] if reader else ())
        (lesion,) = assess_project(
            project, rules.complete_for_project(project), [lesion_id], reader=reader
        )
        check_shown(project.store, [lesion.reader])
        click.echo(dictate_lesion(project, lesion))


COMMANDS: Final = (strip_command, key_images_command, dictate_command)
