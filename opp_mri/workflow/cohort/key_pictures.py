"""Key images as files: a strip, slides for a tumour board, or a loop, by the ending of the name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from opp_mri.cohort.figures.key_loop import render_loop
from opp_mri.cohort.figures.key_strip import KeyStrip, draw_strip
from opp_mri.cohort.figures.timeline_figure import draw_timeline, render_figure, save_figure
from opp_mri.cohort.report.words import describe_timeline
from opp_mri.domain.assessment import Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.errors import InputError
from opp_mri.files import write_bytes
from opp_mri.workflow.assessing.respond import ProjectLesion, assess_lesion
from opp_mri.workflow.cohort.key_images import draw_key_strip
from opp_mri.workflow.cohort.pictures import find_timeline_marks
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.measuring.timeline import LesionTimeline
from opp_mri.workflow.project import Project

FILES: Final[Mapping[str, str]] = {
    ".png": "a strip",
    ".svg": "a strip",
    ".pdf": "a strip",
    ".pptx": "slides",
    ".gif": "a loop",
}
UNNAMED: Final = "lesion"  # in the title of a curve without identity


@frozen(kw_only=True, eq=False)
class KeyImages:
    """The key images of a lesion with the assessment that they go with."""

    strip: KeyStrip
    lesion: ProjectLesion

    @property
    def title(self) -> str:
        """Lesion, level, sequence and patient."""
        return self.strip.title

    def draw_png(self) -> bytes:
        """Draw the strip as a PNG."""
        return render_figure(draw_strip(self.strip), ".png")

    def save(self, path: Path, *, identity: bool = True) -> None:
        """Write strip, slides or loop, by the ending of the name; see `save_key_images`."""
        save_key_images(path, self.strip, self.lesion, identity=identity)


def build_draft_key_images(
    project: Project,
    timeline: LesionTimeline,
    sequence: SeriesRole,
    rules: Rules,
    *,
    category: str,
    drafts: frozenset[str],
) -> KeyImages:
    """Return the key images of a lesion as its reader has it now, drafts too.

    Parameters
    ----------
    category
        What the lesion is called, in words, or that there is no category yet.
    drafts
        Ids of readings that no signature covers: their lengths are marked as drafts.

    Raises
    ------
    InputError, UnknownError
        As `draw_key_strip`.
    """
    lesion = assess_lesion(timeline, rules)
    whole = all(cell.status is not CellStatus.UNREAD for cell in timeline.cells)
    strip = draw_key_strip(
        project.store, lesion, sequence, category=category, drafts=drafts, with_labels=whole
    )
    return KeyImages(strip=strip, lesion=lesion)


def check_file_name(path: Path) -> None:
    """Refuse a file of which it is not known what to draw.

    Raises
    ------
    InputError
        Its name ends otherwise than those of `FILES`.
    """
    if path.suffix.lower() not in FILES:
        raise InputError(
            f"Key images cannot be drawn to {path.name}: give a name that ends in "
            f"{', '.join(FILES)}."
        )


def save_key_images(
    path: Path, strip: KeyStrip, lesion: ProjectLesion, *, identity: bool = True
) -> None:
    """Write the key images of a lesion as strip, slides or loop, by the ending of the name.

    Parameters
    ----------
    lesion
        The assessed lesion of the strip: slides show its curve and its answer too.
    identity
        False to leave out names, codes, dates and the reader.

    Raises
    ------
    InputError
        The name ends otherwise, or the file cannot be written.
    """
    check_file_name(path)
    output_strip = strip if identity else strip.without_identity()
    match path.suffix.lower():
        case ".pptx":
            write_bytes(path, _build_slides(output_strip, lesion, identity=identity))
        case ".gif":
            write_bytes(path, render_loop(output_strip))
        case _:
            save_figure(draw_strip(output_strip), path)


def _build_slides(strip: KeyStrip, lesion: ProjectLesion, *, identity: bool) -> bytes:
    from opp_mri.cohort.figures.key_slides import (  # loads a library of its own
        CurveSlide,
        render_slides,
    )

    timeline = lesion.timeline if identity else evolve(lesion.timeline, lesion_id=UNNAMED)
    figure = draw_timeline(
        timeline,
        lesion.rules.criteria,
        assessment=lesion.assessment if lesion.is_measured else None,
        level=lesion.lesion.level,
        marks=find_timeline_marks(lesion.cells),
    )
    curve = CurveSlide(
        picture=render_figure(figure, ".png"),
        description=describe_timeline(timeline),
        sentences=lesion.sentences,
    )
    return render_slides([strip], curve)
