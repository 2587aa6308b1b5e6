"""The consensus room without a screen: two answers to a cell as A and B, and what is made of them.

Which reader is A changes from cell to cell, and no name of a reader is in what is shown of a pair.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import attrs
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, PixelPoint, Reading
from opp_mri.domain.reader_study import Resolution, ResolutionKind
from opp_mri.errors import InputError, OppMriError, UnknownError
from opp_mri.units import format_mm, recorded_mm
from opp_mri.workflow.assessing.respond import project_rules
from opp_mri.workflow.catalogue.patients import time_points
from opp_mri.workflow.double_read.consensus import LesionConsensus, Pair, consensus
from opp_mri.workflow.double_read.resolving import (
    NewAnswer,
    check_allowed,
    line_on,
    mean_line,
    resolve,
    sign_consensus,
)
from opp_mri.workflow.measuring.protocol import needed_protocol
from opp_mri.workflow.project import Project
from opp_mri.workflow.reading_room.room import load_images, nearest_place
from opp_mri_napari.consensus.words import said
from opp_mri_napari.shared.geometry import PaneGeometry, ScreenPoint, pane_geometry, window_of
from opp_mri_napari.shared.work import ImageCache, Job, Save

Line = tuple[ScreenPoint, ScreenPoint]


@frozen(kw_only=True, eq=False)
class Shown:
    """The series that a pair is looked at on, and how it lies on the screen."""

    volume: VolumeDescription
    geometry: PaneGeometry


@frozen(kw_only=True, eq=False)
class Pictures:
    """The images of a series.

    Parameters
    ----------
    images
        Shape (slices, down, across).
    window
        Values drawn black and white.
    """

    images: NDArray[Any] = field(repr=False)
    window: tuple[float, float]


@frozen(kw_only=True)
class Proposal:
    """What is to be recorded once there is a reason."""

    kind: ResolutionKind
    words: str
    new: NewAnswer | None = None


class ConsensusPresenter:
    """What two readers, or an adjudicator, do about the pairs of a project.

    Parameters
    ----------
    signer
        Who signs.
    lesion_ids
        The lesions to take up; none for all.

    Attributes
    ----------
    position
        Which of `pairs` is shown.
    letter
        Whose image is shown, A or B.
    place
        Which slice of it.
    context
        Another series of the patient that is looked at, or None for the image of A or B.
    drawing
        Whether clicks set the ends of a new line; `first` is the end that is set already.
    proposal
        What waits for a reason.
    banner, notice
        What went wrong, and what was done.

    Raises
    ------
    OppMriError
        There is no protocol, nothing was read by both, or the signer has no part in it.
    """

    def __init__(
        self, project: Project, signer: str, lesion_ids: Sequence[str] = (),
        *, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._project, self.signer, self._clock = project, signer, clock
        self._wanted = tuple(lesion_ids)
        resolvers = needed_protocol(project.store).resolvers
        if signer not in resolvers:
            raise InputError(
                f"{signer} does not sign here: by the protocol {' and '.join(resolvers)} do."
            )
        self.lesions: list[LesionConsensus] = []
        self.pairs: list[Pair] = []
        self.position, self.letter, self.place = 0, "A", 0
        self.drawing = False
        self.proposal: Proposal | None = None
        self.first: PixelPoint | None = None
        self.banner = self.notice = ""
        self.context: VolumeDescription | None = None
        self.cache: ImageCache[Pictures] = ImageCache()
        self._rules = project_rules(project)
        self._reload()
        if not self.pairs:
            raise UnknownError("Both readers have signed nothing of these lesions yet.")
        waiting = [n for n, one in enumerate(self.pairs) if _is_open(one)]
        self.go_to(waiting[0] if waiting else 0)

    @property
    def pair(self) -> Pair:
        """The pair that is shown."""
        return self.pairs[self.position]

    @property
    def lesion(self) -> LesionConsensus:
        """The lesion of the pair that is shown."""
        return next(one for one in self.lesions if one.lesion == self.pair.lesion)

    @property
    def reading(self) -> Reading:
        """The answer whose image is shown."""
        return self.pair.a if self.letter == "A" else self.pair.b

    @property
    def history(self) -> tuple[Resolution, ...]:
        """All resolutions of this cell, the latest last."""
        return tuple(
            one
            for one in self._project.store.log_of(Resolution)
            if (one.lesion_id, (one.study_date, one.sequence))
            == (self.pair.lesion.lesion_id, self.pair.cell)
        )

    # --- going about

    def go_to(self, position: int) -> None:
        """Show a pair."""
        self.position = position % len(self.pairs)
        self.cancel()
        self.letter, self.context = ("A" if self.pair.a.caliper else "B"), None
        self._to_line()

    def step(self, steps: int) -> None:
        """Show the next pair, or the one before."""
        self.banner = self.notice = ""
        self.go_to(self.position + steps)

    def turn(self) -> None:
        """Show the image of the other answer; from another series, that of the answer again."""
        if self.context is not None:
            self.context = None
            self._to_line()
            return
        other = self.pair.b if self.letter == "A" else self.pair.a
        if other.caliper is None:
            self.notice = "The other answer has no line."
            return
        self.letter = "B" if self.letter == "A" else "A"
        self._to_line()

    def scroll(self, steps: int) -> None:
        """Go some slices on."""
        shown = self.shown()
        if shown is not None:
            self.place = max(0, min(self.place + steps, len(shown.volume.planes) - 1))

    def step_sequence(self, steps: int) -> None:
        """Look at the next sequence of the time point."""
        day, sequence = self._looked_at()
        there = [role for role in SeriesRole if (day, role) in self._volumes()]
        if there:
            at = there.index(sequence) if sequence in there else -1
            self._look_at((day, there[(at + steps) % len(there)]))

    def step_time_point(self, steps: int) -> None:
        """Look at the same sequence of the next time point."""
        day, sequence = self._looked_at()
        days = sorted(d for d, role in self._volumes() if role is sequence)
        if day in days and 0 <= days.index(day) + steps < len(days):
            self._look_at((days[days.index(day) + steps], sequence))

    def cancel(self) -> None:
        """Take back what is not recorded."""
        self.drawing, self.first, self.proposal = False, None, None

    # --- resolving

    def propose(self, kind: ResolutionKind) -> None:
        """Keep A, keep B, or take the mean; it is recorded once there is a reason."""
        if kind is ResolutionKind.MEAN:
            if self._allowed(kind):
                mean = mean_line(self.pair)
                self._propose(
                    Proposal(kind=kind, words=f"the mean of the ends{self._long(mean)}", new=mean)
                )
            return
        kept = self.pair.a if kind is ResolutionKind.KEEP_A else self.pair.b
        self._propose(Proposal(kind=kind, words=f"keep {kind.value}, {said(kept)}"))

    def answer(self, answer: Answer) -> None:
        """Say instead of both that it is gone, or not measurable."""
        new = NewAnswer(answer=answer)
        words = answer.value.replace("_", " ")
        self._propose(Proposal(kind=ResolutionKind.NEW, words=words, new=new))

    def draw(self) -> None:
        """Have the next two clicks set a new line."""
        self.cancel()
        if self._allowed(ResolutionKind.NEW):
            self.drawing = True
            self.notice = "Click both ends of the new line."

    def click(self, screen: ScreenPoint) -> None:
        """Set an end of the new line, (down, across) in mm."""
        shown = self.shown()
        if not self.drawing or shown is None:
            return
        if self.context is not None:
            self.banner = "A new line is drawn on the image of A or B: T shows it."
            return
        pixel = shown.geometry.pixel_from_screen(screen)
        plane = shown.volume.planes[self.place]
        if not plane.contains(*pixel):
            self.banner = "This point is outside the image."
            return
        if self.first is None:
            self.first = pixel
            return
        frame = shown.volume.frames[self.place]
        place = (frame.sop_instance_uid, frame.frame_number)
        new = line_on(self.pair, (self.first, pixel), place)
        self.drawing, self.first = False, None
        words = f"a new line{self._long(new)}"
        self._propose(Proposal(kind=ResolutionKind.NEW, words=words, new=new))

    def record(self, reason: str) -> None:
        """Record what is proposed, and go to the next open pair."""
        if self.proposal is None:
            return
        new = self.proposal.new
        if new is not None and new.answer is Answer.NOT_MEASURABLE:
            new = attrs.evolve(new, reason=reason)
        try:
            resolve(
                self._project.store, self.pair, self.proposal.kind, reason=reason,
                at=self._clock(), new=new,
            )  # fmt: skip
        except OppMriError as error:
            self.banner = str(error)
            return
        self.banner, self.notice = "", f"Recorded: {self.proposal.words}."
        self.cancel()
        self._reload(self.pair.lesion.lesion_id)
        self._go_on()

    def sign(self) -> None:
        """Sign the lesion that is shown, and go to what waits next."""
        name = self.pair.lesion.lesion_id
        try:
            sign_consensus(self._project, self.lesion, self.signer, self._clock())
        except OppMriError as error:
            self.banner = str(error)
            return
        self._reload(name)
        missing = self.lesion.missing_signatures
        then = (
            f" {' and '.join(missing)} has to sign too." if missing else " It counts from now on."
        )
        self.banner, self.notice = "", f"{name} is signed by {self.signer}.{then}"
        self._go_on()

    # --- what is shown

    def shown(self) -> Shown | None:
        """Give the series that is looked at, or None where the answer has no line."""
        volume = self.context or self._volume_of_answer()
        if volume is None:
            return None
        geometry = pane_geometry(volume.planes[0], volume.slice_spacing_mm)
        return Shown(volume=volume, geometry=geometry)

    def pictures(self) -> Pictures | None:
        """Give the images of the series that is looked at, or None as long as they load."""
        shown = self.shown()
        return None if shown is None else self.cache.get(shown.volume.volume_id)

    @property
    def warning(self) -> str:
        """What went wrong: with the last wish, or with the images."""
        shown = self.shown()
        failure = self.cache.failures.get(shown.volume.volume_id, "") if shown else ""
        return self.banner or failure

    def next_job(self) -> Job | None:
        """Give the images to load next."""
        shown = self.shown()
        if shown is None:
            return None
        volume, geometry, store = shown.volume, shown.geometry, self._project.store
        self.cache.want({volume.volume_id})
        if not self.cache.is_open(volume.volume_id):
            return None

        def load() -> Pictures:
            images = load_images(store, volume)
            return Pictures(images=geometry.turned(images), window=window_of(images))

        return self.cache.job(volume.volume_id, load, lambda loaded: loaded.images.nbytes)

    # what is resolved is recorded as it is given, so nothing waits to be written

    def next_save(self) -> Save | None:
        """Give nothing."""
        return None

    def save_done(self, error: OppMriError | None) -> None:
        """Take nothing."""

    def save_rest(self) -> None:
        """Write nothing."""

    def lines(self) -> dict[str, Line]:
        """Give the lines on the slice that is shown, by letter; "new" is what is proposed."""
        shown = self.shown()
        if shown is None:
            return {}
        frame = shown.volume.frames[self.place]
        here = (frame.sop_instance_uid, frame.frame_number)
        found: dict[str, Line] = {}
        for letter, reading in (("A", self.pair.a), ("B", self.pair.b)):
            one = reading.caliper
            if one is not None and (one.sop_instance_uid, one.frame_number) == here:
                found[letter] = _on_screen(shown, one.start, one.end)
        new = self.proposal.new if self.proposal else None
        line = new.line if new else None
        if line and (line.sop_instance_uid, line.frame_number) == here:
            found["new"] = _on_screen(shown, *line.points)
        return found

    def why_not(self, kind: ResolutionKind) -> str:
        """Say why a kind of resolution cannot be had here; "" where it can."""
        try:
            check_allowed(needed_protocol(self._project.store), self.pair, kind, "any")
        except OppMriError as error:
            return str(error)
        return ""

    def progress(self) -> str:
        """Say how far the work is."""
        discordant = [one for one in self.pairs if one.discordance]
        done = sum(one.resolution is not None for one in discordant)
        signed = sum(one.is_complete for one in self.lesions)
        return (
            f"{done} of {len(discordant)} discordant pairs resolved, "
            f"{signed} of {len(self.lesions)} lesions complete"
        )

    # --- inside

    def _go_on(self) -> None:
        """Go to the next open pair, else to the next lesion that waits to be signed."""
        unsigned = [one.lesion for one in self.lesions if self.signer in one.missing_signatures]
        open_pairs = [n for n, one in enumerate(self.pairs) if _is_open(one)]
        waiting = open_pairs or [n for n, one in enumerate(self.pairs) if one.lesion in unsigned]
        if waiting:
            self.go_to(next((n for n in waiting if n > self.position), waiting[0]))
        else:
            self.go_to(self.position)

    def _long(self, new: NewAnswer) -> str:
        """Say how long a line is that was not recorded yet."""
        shown, line = self.shown(), new.line
        if shown is None or line is None:
            return ""
        plane = shown.volume.plane_of(line.sop_instance_uid, line.frame_number)
        if plane is None:
            return ""
        return f", {format_mm(recorded_mm(plane.length_mm(*line.points)))}"

    def _propose(self, proposal: Proposal) -> None:
        if self._allowed(proposal.kind):
            self.drawing, self.first, self.notice = False, None, ""
            self.proposal = proposal

    def _allowed(self, kind: ResolutionKind) -> bool:
        self.banner = self.why_not(kind)
        return not self.banner

    def _reload(self, lesion_id: str | None = None) -> None:
        """Read one lesion anew, which is quick, or all."""
        wanted = self._wanted if lesion_id is None else (lesion_id,)
        found = consensus(self._project, self._rules, lesion_ids=wanted)
        if lesion_id is None:
            self.lesions = found
        else:
            anew = {one.lesion.lesion_id: one for one in found}
            self.lesions = [anew.get(one.lesion.lesion_id, one) for one in self.lesions]
        self.pairs = [pair for one in self.lesions for pair in one.pairs]

    def _volume_of_answer(self) -> VolumeDescription | None:
        caliper = self.reading.caliper
        if caliper is None:
            return None
        volumes = self._project.store.volumes_with_frame(
            caliper.sop_instance_uid, caliper.frame_number
        )
        if not volumes:
            self.banner = "The images of this answer are no longer indexed: index them again."
        return volumes[0] if volumes else None

    def _volumes(self) -> Mapping[tuple[date, SeriesRole], VolumeDescription]:
        """Give the selected series of the patient, by time point and sequence."""
        points = time_points(self._project.store, self.pair.lesion.patient_id)
        return {
            (point.study_date, volume.role): volume
            for point in points
            for volume in point.volumes
            if point.study_date and volume.selected and volume.role
        }

    def _looked_at(self) -> tuple[date, SeriesRole]:
        if self.context is not None:
            for key, volume in self._volumes().items():
                if volume.volume_id == self.context.volume_id:
                    return key
        return self.pair.cell

    def _look_at(self, key: tuple[date, SeriesRole]) -> None:
        if key == self.pair.cell:
            self.context = None
            self._to_line()
            return
        self.context = self._volumes()[key]
        self.place = len(self.context.planes) // 2
        caliper = self.reading.caliper
        frame = self.context.planes[0].frame_of_reference_uid
        if caliper is not None and frame and frame == caliper.frame_of_reference_uid:
            self.place = nearest_place(self.context, caliper.start_lps_mm)

    def _to_line(self) -> None:
        shown, caliper = self.shown(), self.reading.caliper
        if shown is not None and caliper is not None:
            frames = [(one.sop_instance_uid, one.frame_number) for one in shown.volume.frames]
            self.place = frames.index((caliper.sop_instance_uid, caliper.frame_number))


def _is_open(pair: Pair) -> bool:
    return pair.discordance is not None and pair.resolution is None


def _on_screen(shown: Shown, start: PixelPoint, end: PixelPoint) -> Line:
    turned = shown.geometry.screen_from_pixel
    return turned(start), turned(end)
