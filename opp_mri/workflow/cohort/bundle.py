"""The paper bundle: all that a reader of a paper needs to check it, in one folder.

The same cohort and choices give the same bytes: no file holds a date of writing or a name of this
machine.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Final

from attrs import evolve, frozen

from opp_mri import __version__
from opp_mri.cohort.export.aggregated import render_table_files
from opp_mri.cohort.export.deidentify import deidentify_lesions
from opp_mri.cohort.report.cohort import render_cohort_html, render_printed_html
from opp_mri.cohort.report.methods import write_methods_text
from opp_mri.cohort.report.pdf import render_pdf
from opp_mri.cohort.report.rows import render_rows_csv
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.errors import InputError
from opp_mri.files import check_new, write_folder
from opp_mri.response.criteria import format_criteria_toml
from opp_mri.units import format_count
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.cohort.cohort_contents import CohortContents, compute_cohort_contents
from opp_mri.workflow.cohort.cohort_report import (
    CohortPictures,
    build_cohort_pictures,
    compose_cohort_report,
)
from opp_mri.workflow.cohort.exporting import generate_data_files
from opp_mri.workflow.progress import Progress, ignore_progress

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
README: Final = "README.txt"
FIGURES: Final = (".svg", ".pdf")
DESCRIBED: Final = {
    "data/": "one row per lesion, length, event and answer; dictionary.csv describes each column",
    "tables/": "the tables of the report, and numbers.csv with every number by its key",
    "figures/": "the figures, as SVG and PDF",
    "report.html": "the whole report as one page",
    "report.pdf": "the same report as PDF",
    "report-rows.csv": "the lesions behind each number, by its key",
    "methods.md": "the methods, with the parameters that were used",
    "criteria.toml": "the response rules, for `opp-mri cohort --criteria`",
    MANIFEST: f"a summary, and the SHA-256 of every file; `sha256sum -c {SUMS}` checks them",
}
READ_AGAIN: Final = (
    "The data are read again by `opp-mri cohort --tables data --criteria criteria.toml`; `opp-mri "
    "cohort bundle` on the same data gives the same bytes."
)
WITHHELD: Final = (
    "Counts from 1 to {most} are withheld, and so are the data and the figures of single lesions."
)


@frozen(kw_only=True)
class Bundle:
    """A bundle that was written, or was there already.

    Parameters
    ----------
    files
        SHA-256 of each file by its name.
    is_new
        False where the folder held the very same bundle.
    """

    folder: Path
    files: Mapping[str, str]
    is_new: bool


def make_bundle(
    cohort: Cohort,
    folder: Path,
    *,
    title: str,
    is_identified: bool = False,
    key: bytes | None = None,
    suppress_below: int | None = None,
    with_pdf: bool = True,
    progress: Progress = ignore_progress,
) -> Bundle:
    """Write the paper bundle of a cohort to a new folder.

    Parameters
    ----------
    folder
        New or empty, or one that holds the same bundle: then it is compared and left as it is.
    is_identified
        Whether names, dates and free texts stay. Otherwise they are taken out first, and all else
        is made of what is left.
    key
        Of the codes that replace names; None for one made from the data.
    suppress_below
        Counts from 1 to one less are withheld; then neither data nor figures of single lesions are
        in the bundle, as they would tell them.
    with_pdf
        Whether the report is there as PDF too.

    Raises
    ------
    InputError
        The cohort is empty, or the folder holds something else or cannot be written.
    """
    is_new = not (folder / MANIFEST).is_file()
    if is_new:
        check_new(folder)
    if not is_identified:
        cohort = _deidentify(cohort, key)
    files = dict(
        _generate_files(
            cohort, title=title, is_identified=is_identified, suppress_below=suppress_below,
            with_pdf=with_pdf, progress=progress,
        )
    )  # fmt: skip
    files[README] = _write_readme(files, suppress_below).encode()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    about = {
        "opp_mri": __version__,
        "criteria": cohort.criteria.name,
        "mode": cohort.mode.value,
        "lesions": len(cohort.lesions) if suppress_below is None else None,
        "deidentified": not is_identified,
        "suppressed_below": suppress_below,
        "data_sha256": cohort.data_sha256,
        "files": sums,
    }
    files[MANIFEST] = (json.dumps(about, indent=2) + "\n").encode()
    files[SUMS] = "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()
    if is_new:
        write_folder(folder, files.items())
    else:
        _compare(folder, files)
    return Bundle(folder=folder, files=sums, is_new=is_new)


def _deidentify(cohort: Cohort, key: bytes | None) -> Cohort:
    readers = [reader for reader in cohort.readers if reader != CONSENSUS]
    aliases = {reader: f"reader {number}" for number, reader in enumerate(readers, 1)}
    return evolve(
        cohort,
        lesions=deidentify_lesions(cohort.lesions, key),
        readers=tuple(aliases.get(reader, reader) for reader in cohort.readers),
    )


def _generate_files(
    cohort: Cohort,
    *,
    title: str,
    is_identified: bool,
    suppress_below: int | None,
    with_pdf: bool,
    progress: Progress,
) -> Iterator[tuple[str, bytes]]:
    steps = ("data", "statistics", "figures", "report", "done")

    def tell(step: str) -> None:
        progress("bundle", steps.index(step), len(steps) - 1)

    tell("data")
    if suppress_below is None:
        for name, content in generate_data_files(cohort, is_deidentified=not is_identified):
            yield f"data/{name}", content
    tell("statistics")
    contents = compute_cohort_contents(cohort, suppress_below=suppress_below)
    for name, content in render_table_files(contents.tables.every).items():
        yield f"tables/{name}", content
    tell("figures")
    pictures = build_cohort_pictures(cohort, contents)
    yield from _generate_figure_files(pictures)
    tell("report")
    report = compose_cohort_report(
        cohort, contents, pictures, title=title, written_on=None, rows_file="report-rows.csv"
    )
    yield "report.html", render_cohort_html(report).encode()
    if not report.suppressed:
        yield "report-rows.csv", render_rows_csv(report)
    if with_pdf:
        yield "report.pdf", render_pdf(render_printed_html(report))
    yield "methods.md", _write_methods(cohort, contents).encode()
    yield "criteria.toml", format_criteria_toml(cohort.criteria).encode()
    tell("done")


def _write_readme(files: Iterable[str], suppress_below: int | None) -> str:
    """Describe what is in the bundle, and only of what is."""
    present_names = {name.partition("/")[0] + "/" * ("/" in name) for name in files} | {MANIFEST}
    lines = [
        f"{name:<17}{description}"
        for name, description in DESCRIBED.items()
        if name in present_names
    ]
    last = READ_AGAIN if suppress_below is None else WITHHELD.format(most=suppress_below - 1)
    first = f"A bundle of opp_mri {__version__}: research software, not a medical device."
    return "\n".join((first, "", *lines, "", *wrap(last, 100), ""))


def _generate_figure_files(pictures: CohortPictures) -> Iterator[tuple[str, bytes]]:
    for picture in pictures.every:
        for suffix in FIGURES:
            yield f"figures/{picture.name}{suffix}", picture.render_content(suffix)


def _write_methods(cohort: Cohort, contents: CohortContents) -> str:
    return write_methods_text(
        cohort.lesions,
        contents.analysis,
        criteria=cohort.criteria,
        mode=cohort.mode,
        readers=cohort.readers,
        data_sha256=cohort.data_sha256,
        shows_counts=not contents.tables.suppressed,
    )


def _compare(folder: Path, files: Mapping[str, bytes]) -> None:
    """Refuse a folder whose bundle is another one."""
    present_names = {
        str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file()
    }
    if differing_names := sorted(
        present_names ^ files.keys() | set(_list_changed(folder, files, present_names))
    ):
        raise InputError(
            f"{folder} holds another bundle, by {format_count(len(differing_names), 'file')}, the "
            f"first being {differing_names[0]}. Name a new folder."
        )


def _list_changed(
    folder: Path, files: Mapping[str, bytes], present_names: Iterable[str]
) -> Iterator[str]:
    for name in present_names:
        if name in files and (folder / name).read_bytes() != files[name]:
            yield name
