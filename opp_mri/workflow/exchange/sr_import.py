"""Lines of other programs, and reports of our own, as readings: each placed and measured again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import attrs
from attrs import field, frozen

from opp_mri.domain.exchange import Annotation, OwnAnswer, SetAside
from opp_mri.domain.measurement import Answer, LengthSource, Reading
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.errors import InputError, OppMriError
from opp_mri.store.protocol import Store
from opp_mri.workflow.exchange.annotation_files import read_annotation_sources
from opp_mri.workflow.exchange.placing import ImportChoice, Placer, refers_to_several_studies
from opp_mri.workflow.measuring.blinding import check_table
from opp_mri.workflow.measuring.native_reading import build_reading
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    get_counted_readings,
    select_latest_of_readers,
)

CellOfReader = tuple[object, ...]


@frozen(kw_only=True)
class ImportedLine:
    """An answer that was imported, or that the project holds already.

    Parameters
    ----------
    is_new
        False where the project holds the very same answer.
    """

    file_name: str
    label: str
    reading: Reading
    is_new: bool


@frozen(kw_only=True)
class ImportSummary:
    """Result of an import.

    Parameters
    ----------
    lines
        What came in, in the order of files.
    set_aside
        What did not, with the reason.
    files, other_files
        Number of files that hold annotations, and of other files.
    """

    lines: tuple[ImportedLine, ...]
    set_aside: tuple[SetAside, ...]
    files: int
    other_files: int


@frozen(kw_only=True)
class _Candidate:
    """An annotation and the reading that it makes."""

    annotation: Annotation
    reading: Reading

    @property
    def cell(self) -> CellOfReader:
        reading = self.reading
        return (reading.lesion_id, reading.reader, *reading.cell)


def import_annotations(
    store: Store, sources: Sequence[Path], choice: ImportChoice, at: datetime
) -> ImportSummary:
    """Import the lines of some files; what cannot be imported is set aside with its reason.

    All readings are recorded in one step, or none.

    Parameters
    ----------
    sources
        Folders, files or archives.
    choice
        What the user states for lines that do not state it themselves.
    at
        When they are recorded.

    Raises
    ------
    InputError
        A source does not exist.
    UnknownError
        There is no such lesion as was named.
    """
    annotation_sources = read_annotation_sources(sources)
    importer = _Importer(store=store, placer=Placer(store, choice), at=at)
    importer.set_aside.extend(annotation_sources.set_aside)
    by_file: dict[tuple[str, str], list[Annotation]] = defaultdict(list)
    for annotation in annotation_sources.annotations:
        by_file[annotation.file_name, annotation.report_uid].append(annotation)
    for annotations in by_file.values():
        importer.consider(annotations)
    importer.drop_amended()
    importer.drop_contradictions()
    with store.lock():  # what is compared is what is followed
        lines = importer.compare()
        store.add_readings([line.reading for line in lines if line.is_new])
    return ImportSummary(
        lines=tuple(lines),
        set_aside=tuple(importer.set_aside),
        files=annotation_sources.files,
        other_files=annotation_sources.other_files,
    )


@frozen(kw_only=True)
class _Importer:
    """Turns annotations into readings, step by step."""

    store: Store
    placer: Placer
    at: datetime
    candidates: list[_Candidate] = field(factory=list)
    set_aside: list[SetAside] = field(factory=list)

    def consider(self, annotations: Sequence[Annotation]) -> None:
        """Make readings of the annotations of one file."""
        several = refers_to_several_studies(self.store, annotations)
        for annotation in annotations:
            if several:
                self._put_aside(annotation, "Its file refers to images of several studies.")
                continue
            try:
                reading = self._build_reading(annotation)
            except OppMriError as error:
                self._put_aside(annotation, str(error))
            else:
                self.candidates.append(_Candidate(annotation=annotation, reading=reading))

    def _build_reading(self, annotation: Annotation) -> Reading:
        own = annotation.own
        if own is not None and own.length_source is not LengthSource.GEOMETRY:
            return self._build_answer_without_line(annotation, own)
        line = self.placer.place_line(annotation)
        reading = build_reading(
            line.lesion.lesion_id, line.reader, (line.image.study_date, line.sequence),
            Answer.MEASURED, points=line.points, image=line.image,
            # the suitability of the image was checked where the line was placed
            # in the remarks, which take the place of these
            override_reason="placed by explicit choice", at=self.at,
        )  # fmt: skip
        if own is not None:
            return attrs.evolve(
                reading, remarks=line.remarks, amendment_reason=own.amendment_reason,
                origin=own.origin,
            )  # fmt: skip
        return attrs.evolve(reading, remarks=(*reading.remarks, *line.remarks))

    def _build_answer_without_line(self, annotation: Annotation, own: OwnAnswer) -> Reading:
        lesion = self.placer.find_lesion(annotation, None)
        self.placer.check_answer(annotation, own, lesion)
        return Reading(
            reading_id=str(uuid4()),
            lesion_id=lesion.lesion_id,
            sequence=own.sequence,
            reader=own.reader,
            study_date=own.study_date,
            answer=own.answer,
            length_mm=own.length_mm if own.answer is not Answer.GONE else "0.0",
            length_source=own.length_source,
            reason=own.reason,
            remarks=own.remarks,
            amendment_reason=own.amendment_reason,
            recorded_at=self.at,
        )

    def drop_amended(self) -> None:
        """Leave out reports that another of these reports, by the same reader, amends."""
        amended_reports = {
            (uid, candidate.reading.reader)
            for candidate in self.candidates
            for uid in candidate.annotation.predecessor_uids
        }
        for candidate in list(self.candidates):
            if (candidate.annotation.report_uid, candidate.reading.reader) in amended_reports:
                self._drop(candidate, "Another of these reports amends it.")

    def drop_contradictions(self) -> None:
        """Leave out all answers of a reader to one cell that contradict each other."""
        by_cell: dict[CellOfReader, list[_Candidate]] = defaultdict(list)
        for candidate in self.candidates:
            by_cell[candidate.cell].append(candidate)
        for candidates in by_cell.values():
            if not all(
                is_same(candidates[0].reading, candidate.reading) for candidate in candidates
            ):
                for candidate in candidates:
                    reading = candidate.reading
                    self._drop(
                        candidate,
                        f"Several lengths of {reading.lesion_id} on {reading.sequence.value} of "
                        f"{reading.study_date} by {reading.reader} differ: keep the right one.",
                    )

    def compare(self) -> list[ImportedLine]:
        """Hold the answers against what the project holds; give those that are to be kept."""
        known_answers = _find_known_answers(self.store)
        signed_ids = find_signed_ids(self.store)
        lines: list[ImportedLine] = []
        new_readings: dict[CellOfReader, Reading] = {}
        for candidate in self.candidates:
            before = known_answers.get(candidate.cell)
            same_reading = next(
                (
                    reading
                    for reading in (before, new_readings.get(candidate.cell))
                    if reading is not None and is_same(reading, candidate.reading)
                ),
                None,
            )
            if same_reading is not None:
                lines.append(_build_line(candidate, same_reading, is_new=False))
                continue
            try:
                self._check_new(candidate, before, signed_ids)
            except OppMriError as error:
                self._put_aside(candidate.annotation, str(error))
                continue
            new_readings[candidate.cell] = candidate.reading
            lines.append(_build_line(candidate, candidate.reading, is_new=True))
        return lines

    def _check_new(
        self, candidate: _Candidate, before: Reading | None, signed_ids: frozenset[str]
    ) -> None:
        reading = candidate.reading
        if reading.reader == CONSENSUS:
            raise InputError(
                "It is a consensus that this project has not reached: a consensus is resolved in "
                "the project (`opp-mri consensus`), and never imported."
            )
        check_table(self.store, reading.reader)
        if before is None:
            return
        is_amendment = bool(candidate.annotation.own and reading.amendment_reason)
        if before.reading_id in signed_ids or not is_amendment:
            raise InputError(
                "The project holds another answer of this reader to this sequence and date: look "
                "at both, and correct the wrong one."
            )

    def _drop(self, candidate: _Candidate, reason: str) -> None:
        self.candidates.remove(candidate)
        self._put_aside(candidate.annotation, reason)

    def _put_aside(self, annotation: Annotation, reason: str) -> None:
        self.set_aside.append(
            SetAside(file_name=annotation.file_name, label=annotation.label, reason=reason)
        )


def is_same(a: Reading, b: Reading) -> bool:
    """Return whether two readings say the same: answer, length, line and reason."""
    return (a.answer, a.length_mm, a.length_source, a.caliper, a.reason) == (
        b.answer, b.length_mm, b.length_source, b.caliper, b.reason,
    )  # fmt: skip


def _find_known_answers(store: Store) -> Mapping[CellOfReader, Reading]:
    by_lesion: dict[str, list[Reading]] = defaultdict(list)
    for reading in get_counted_readings(store):
        by_lesion[reading.lesion_id].append(reading)
    return {
        (reading.lesion_id, reading.reader, *reading.cell): reading
        for readings in by_lesion.values()
        for reading in select_latest_of_readers(readings)
    }


def _build_line(candidate: _Candidate, reading: Reading, *, is_new: bool) -> ImportedLine:
    return ImportedLine(
        file_name=candidate.annotation.file_name,
        label=candidate.annotation.label,
        reading=reading,
        is_new=is_new,
    )
