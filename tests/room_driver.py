"""A reader's hands without a screen: runs what waits, and turns places into mouse events."""

from opp_mri_napari.room.presenter import ReadingRoom
from opp_mri_napari.room.views import Button, PaneView, Pointer, PointerKind, ScreenPoint

from opp_mri.errors import OppMriError


def settle(room: ReadingRoom) -> None:
    """Load and save all that waits."""
    while True:
        if (save := room.session.next_save()) is not None:
            try:
                save.run()
                room.session.save_done(None)
            except OppMriError as error:
                room.session.save_done(error)
        elif (job := room.session.next_job()) is not None:
            try:
                outcome = job.run()
            except OppMriError as error:
                job.failed(error)
                continue
            job.take(outcome)
            room.pane_views()
        else:
            return


class Mouse:
    """A mouse over one pane of a room."""

    def __init__(self, room: ReadingRoom, pane: int = 0) -> None:
        self.room, self.pane = room, pane

    @property
    def view(self) -> PaneView:
        """The pane as it is shown."""
        return self.room.pane_views()[self.pane]

    def do(
        self, kind: PointerKind, place: ScreenPoint, button: Button = Button.NONE, **how: object
    ) -> None:
        """Send one event."""
        view = self.view
        down, across = place
        self.room.pointer(
            Pointer(
                pane_id=view.pane_id, kind=kind, place=place, button=button,
                x_px=(across - view.centre[1]) * view.zoom,
                y_px=(down - view.centre[0]) * view.zoom,
                **how,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def press(self, place: ScreenPoint, **how: object) -> None:
        """Press the left button."""
        self.do(PointerKind.PRESS, place, Button.LEFT, **how)

    def move(self, place: ScreenPoint, **how: object) -> None:
        """Move the mouse."""
        self.do(PointerKind.MOVE, place, **how)

    def release(self, place: ScreenPoint, **how: object) -> None:
        """Let the left button go."""
        self.do(PointerKind.RELEASE, place, Button.LEFT, **how)

    def drag(self, start: ScreenPoint, end: ScreenPoint, **how: object) -> None:
        """Press, move and let go."""
        self.press(start, **how)
        self.move(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), **how)
        self.move(end, **how)
        self.release(end, **how)

    def click(self, place: ScreenPoint, **how: object) -> None:
        """Press and let go at one place."""
        self.press(place, **how)
        self.release(place, **how)

    def wheel(self, notches: int, **how: object) -> None:
        """Turn the wheel."""
        self.do(PointerKind.WHEEL, self.view.centre, notches=notches, **how)
