"""The consensus room without a screen: two answers to a cell as A and B, and what is made of them.

Which reader is A changes from cell to cell, and no name of a reader is in what is shown of a pair.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import attrs
from attrs import frozen

from opp_mri.domain.contour import Contour
from opp_mri.domain.measurement import Answer, PixelPoint
from opp_mri.domain.reader_study import Resolution, ResolutionKind
from opp_mri.errors import InputError, OppMriError, UnknownError
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.double_read.consensus import (
    LesionConsensus,
    Pair,
    list_resolutions,
    prepare_consensus,
)
from opp_mri.workflow.double_read.resolving import (
    NewAnswer,
    build_line_answer,
    build_mean_line,
    check_allowed,
    resolve,
    sign_consensus,
)
from opp_mri.workflow.double_read.volume_consensus import (
    ContourPair,
    check_contours_allowed,
    resolve_contours,
)
from opp_mri.workflow.measuring.protocol import require_protocol
from opp_mri.workflow.project import Project
from opp_mri_napari.consensus.images import Line, PairImages
from opp_mri_napari.consensus.marks import Path, find_lines, find_outlines
from opp_mri_napari.consensus.new_contours import NewContours
from opp_mri_napari.consensus.words import (
    describe_new_length,
    describe_progress,
    describe_side,
)
from opp_mri_napari.shared.geometry import ScreenPoint
from opp_mri_napari.shared.work import Job, Save


@frozen(kw_only=True)
class Proposal:
    """What is to be recorded once there is a reason."""

    kind: ResolutionKind
    words: str
    new: NewAnswer | None = None
    contours: tuple[Contour, ...] = ()


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
    images
        On which image, and which slice of it, the pair is looked at.
    drawing
        Whether clicks set the ends of a new line; `first` is the end that is set already.
    new_contours
        What was drawn of new contours.
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
        resolvers = require_protocol(project.store).resolvers
        if signer not in resolvers:
            raise InputError(
                f"{signer} cannot sign here: according to the protocol, "
                f"{' and '.join(resolvers)} sign."
            )
        self.lesions: list[LesionConsensus] = []
        self.pairs: list[Pair | ContourPair] = []
        self.position = 0
        self.drawing = False
        self.proposal: Proposal | None = None
        self.first: PixelPoint | None = None
        self.new_contours = NewContours()
        self.banner = self.notice = ""
        self._rules = load_project_rules(project)
        self._reload()
        if not self.pairs:
            raise UnknownError("No answer to these lesions is signed by both readers yet.")
        self.images = PairImages(project, self.pairs[0])
        open_positions = [n for n, pair in enumerate(self.pairs) if pair.is_open]
        self.go_to(open_positions[0] if open_positions else 0)

    @property
    def pair(self) -> Pair | ContourPair:
        """The pair that is shown."""
        return self.pairs[self.position]

    @property
    def lesion(self) -> LesionConsensus:
        """The lesion of the pair that is shown."""
        return next(
            lesion_consensus
            for lesion_consensus in self.lesions
            if lesion_consensus.lesion == self.pair.lesion
        )

    @property
    def history(self) -> tuple[Resolution, ...]:
        """All resolutions of this cell, of its length or of its volume, the latest last."""
        return list_resolutions(self._project.store, self.pair)

    # --- going about

    def go_to(self, position: int) -> None:
        """Show a pair."""
        self.position = position % len(self.pairs)
        self.cancel()
        self.images.open(self.pair)

    def step(self, steps: int) -> None:
        """Show the next pair, or the one before."""
        self.banner = self.notice = ""
        self.go_to(self.position + steps)

    def turn(self) -> None:
        """Show the image of the other answer; from another series, that of the answer again."""
        if not self.images.turn():
            self.notice = "The other answer has no line."

    def cancel(self) -> None:
        """Take back what is not recorded."""
        self.drawing, self.first, self.proposal = False, None, None
        self.new_contours = NewContours()

    def leave(self) -> None:
        """Take back the contour that is drawn, then the one before, then all of the proposal."""
        if not (self.drawing and self.new_contours.take_back()):
            self.cancel()

    # --- resolving

    def propose(self, kind: ResolutionKind) -> None:
        """Keep A, keep B, or take the mean; it is recorded once there is a reason."""
        pair = self.pair
        if kind is ResolutionKind.MEAN:
            if self._is_allowed(kind) and isinstance(pair, Pair):
                mean = build_mean_line(pair)
                length = describe_new_length(self.images.get_shown(), mean)
                self._propose(
                    Proposal(
                        kind=kind,
                        words=f"the mean of the ends{length}",
                        new=mean,
                    )
                )
            return
        words = describe_side(pair, is_a=kind is ResolutionKind.KEEP_A)
        self._propose(Proposal(kind=kind, words=f"keep {kind.value}, {words}"))

    def record_answer(self, answer: Answer) -> None:
        """Record instead of both that it is gone, or not measurable."""
        if isinstance(self.pair, ContourPair):
            self.banner = "This pair is a volume: keep A or B, or draw new contours (L)."
            return
        new = NewAnswer(answer=answer)
        words = answer.value.replace("_", " ")
        self._propose(Proposal(kind=ResolutionKind.NEW, words=words, new=new))

    def draw(self) -> None:
        """Have the next two clicks set a new line, or all further ones new contours."""
        self.cancel()
        if self._is_allowed(ResolutionKind.NEW):
            self.drawing = True
            if self.images.context is not None:  # a line lies on the image of an answer
                self.images.turn()
            self.notice = "Click both ends of the new line."
            if isinstance(self.pair, ContourPair):
                self.notice = (
                    "Click along the edge, Enter closes the contour; then the next slice. Enter "
                    "again when all are drawn."
                )

    def click(self, screen: ScreenPoint) -> None:
        """Set an end of the new line, (down, across) in mm."""
        image = self.images.get_shown()
        if not self.drawing or image is None:
            return
        if self.images.context is not None:
            self.banner = "A new line is drawn on the image of A or B: T shows it."
            return
        pixel = image.geometry.pixel_from_screen(screen)
        plane = image.volume.planes[self.images.place]
        if not plane.contains(*pixel):
            self.banner = "This point is outside the image."
            return
        pair = self.pair
        if isinstance(pair, ContourPair):
            pictures = self.images.get_pictures()
            if pictures is not None:
                self.banner = self.new_contours.click(pixel, pictures, self.images.place)
            return
        if self.first is None:
            self.first = pixel
            return
        frame = image.volume.frames[self.images.place]
        place = (frame.sop_instance_uid, frame.frame_number)
        new = build_line_answer(pair, (self.first, pixel), place)
        self.drawing, self.first = False, None
        words = f"a new line{describe_new_length(image, new)}"
        self._propose(Proposal(kind=ResolutionKind.NEW, words=words, new=new))

    def record(self, reason: str) -> None:
        """Record what is proposed, and go to the next open pair; or close what is drawn."""
        if self.proposal is None:
            self._finish_contours()
            return
        new = self.proposal.new
        if new is not None and new.answer is Answer.NOT_MEASURABLE:
            new = attrs.evolve(new, reason=reason)
        store, pair, kind, at = self._project.store, self.pair, self.proposal.kind, self._clock()
        try:
            if isinstance(pair, ContourPair):
                contours = self.proposal.contours
                resolve_contours(store, pair, kind, reason=reason, at=at, contours=contours)
            else:
                resolve(store, pair, kind, reason=reason, at=at, new=new)
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
        missing_names = self.lesion.missing_signatures
        remark = (
            f" {' and '.join(missing_names)} has to sign too."
            if missing_names
            else " It counts from now on."
        )
        self.banner, self.notice = "", f"{name} is signed by {self.signer}.{remark}"
        self._go_on()

    # --- what is shown

    @property
    def warning(self) -> str:
        """What went wrong: with the last wish, or with the images."""
        return self.banner or self.images.failure

    def get_next_job(self) -> Job | None:
        """Return the images to load next."""
        return self.images.get_next_job()

    # what is resolved is recorded as it is given, so nothing waits to be written

    def get_next_save(self) -> Save | None:
        """Return nothing."""
        return None

    def save_done(self, error: OppMriError | None) -> None:
        """Take nothing."""

    def save_rest(self) -> None:
        """Write nothing."""

    def get_lines(self) -> dict[str, Line]:
        """Return the lines on the slice that is shown, by letter; "new" is what is proposed."""
        image, pair = self.images.get_shown(), self.pair
        if image is None or isinstance(pair, ContourPair):
            return {}
        new = self.proposal.new if self.proposal else None
        return find_lines(image, self.images.place, pair, new.line if new else None)

    def get_outlines(self) -> dict[str, list[Path]]:
        """Return the contours on the slice that is shown, by letter; "new" is what is drawn."""
        image, pair = self.images.get_shown(), self.pair
        if image is None or not isinstance(pair, ContourPair):
            return {}
        contours = (
            *(self.proposal.contours if self.proposal else ()),
            *self.new_contours.contours,
        )
        is_here = self.new_contours.place == self.images.place
        path = self.new_contours.path if is_here else []
        return find_outlines(image, self.images.place, pair, contours, path)

    def explain_refusal(self, kind: ResolutionKind) -> str:
        """Explain why a kind of resolution cannot be obtained here; "" where it can."""
        protocol, pair = require_protocol(self._project.store), self.pair
        try:
            if isinstance(pair, ContourPair):
                check_contours_allowed(protocol, pair, kind, "any")
            else:
                check_allowed(protocol, pair, kind, "any")
        except OppMriError as error:
            return str(error)
        return ""

    def describe_progress(self) -> str:
        """State how far the work is."""
        return describe_progress(self.lesions, self.pairs)

    # --- inside

    def _go_on(self) -> None:
        """Go to the next open pair, else to the next lesion that waits to be signed."""
        unsigned_lesions = [
            lesion_consensus.lesion
            for lesion_consensus in self.lesions
            if self.signer in lesion_consensus.missing_signatures
        ]
        open_pairs = [n for n, pair in enumerate(self.pairs) if pair.is_open]
        open_positions = open_pairs or [
            n for n, pair in enumerate(self.pairs) if pair.lesion in unsigned_lesions
        ]
        if open_positions:
            self.go_to(next((n for n in open_positions if n > self.position), open_positions[0]))
        else:
            self.go_to(self.position)

    def _finish_contours(self) -> None:
        """Close the contour that is drawn; where none is, propose those that are closed."""
        image, pictures = self.images.get_shown(), self.images.get_pictures()
        if not self.drawing or image is None or pictures is None:
            return
        if self.new_contours.path:
            self.banner = self.new_contours.close(image.volume, pictures)
            return
        contours = tuple(self.new_contours.contours)
        if contours:
            words = self.new_contours.describe(image.volume, self.pair)
            self.new_contours = NewContours()
            self._propose(Proposal(kind=ResolutionKind.NEW, words=words, contours=contours))

    def _propose(self, proposal: Proposal) -> None:
        if self._is_allowed(proposal.kind):
            self.drawing, self.first, self.notice = False, None, ""
            self.proposal = proposal
            if self.images.context is not None:  # what is decided on is what is seen
                self.images.turn()

    def _is_allowed(self, kind: ResolutionKind) -> bool:
        self.banner = self.explain_refusal(kind)
        return not self.banner

    def _reload(self, lesion_id: str | None = None) -> None:
        """Read one lesion again, which is quick, or all."""
        lesion_ids = self._wanted if lesion_id is None else (lesion_id,)
        consensuses = prepare_consensus(self._project, self._rules, lesion_ids=lesion_ids)
        if lesion_id is None:
            self.lesions = consensuses
        else:
            anew = {
                lesion_consensus.lesion.lesion_id: lesion_consensus
                for lesion_consensus in consensuses
            }
            self.lesions = [
                anew.get(lesion_consensus.lesion.lesion_id, lesion_consensus)
                for lesion_consensus in self.lesions
            ]
        self.pairs = []
        for lesion_consensus in self.lesions:
            self.pairs += [*lesion_consensus.pairs, *lesion_consensus.volumes]
