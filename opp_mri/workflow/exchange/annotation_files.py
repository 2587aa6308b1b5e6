"""Files of lines on images, wherever they lie: folders, single files, archives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.dicom.headers.sources import find_sources, read_source_bytes
from opp_mri.dicom.sr.read import read_annotation_file
from opp_mri.domain.exchange import Annotation, AnnotationFile, SetAside
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError
from opp_mri.tables.ohif import is_ohif_table, read_ohif_table

LARGEST_BYTES: Final = 64 << 20  # no report is larger; an image may be


@frozen(kw_only=True)
class AnnotationSources:
    """What was found in some sources.

    Parameters
    ----------
    annotations, set_aside
        Of all files, in the order of their names.
    files
        Number of files that hold annotations or are set aside whole.
    other_files
        Number of files of other kinds, such as images.
    """

    annotations: tuple[Annotation, ...]
    set_aside: tuple[SetAside, ...]
    files: int
    other_files: int


def read_annotation_sources(sources: Sequence[Path]) -> AnnotationSources:
    """Read every file of some sources that holds lines on images.

    Raises
    ------
    InputError
        A source does not exist.
    """
    annotations: list[Annotation] = []
    set_aside: list[SetAside] = []
    files = other_files = 0
    for source in find_sources(sources):
        content = _read(source)
        if content is None:
            other_files += 1
            continue
        files += 1
        annotations += content.annotations
        set_aside += content.set_aside
    return AnnotationSources(
        annotations=tuple(annotations),
        set_aside=tuple(set_aside),
        files=files,
        other_files=other_files,
    )


def _read(source: SourceFile) -> AnnotationFile | None:
    name = Path(source.member or source.path).name
    if source.size_bytes > LARGEST_BYTES:
        return None
    try:
        data = read_source_bytes(source)
    except InputError as error:
        return AnnotationFile(set_aside=(SetAside(file_name=name, reason=str(error)),))
    content = read_annotation_file(data, name)
    if content is None and is_ohif_table(data):
        return read_ohif_table(data, name)
    return content
