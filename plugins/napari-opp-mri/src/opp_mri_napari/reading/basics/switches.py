"""What a reader has switched on."""

from attrs import define


@define
class Switches:
    """What is shown or not.

    Attributes
    ----------
    ghost
        The prior caliper, carried by a confirmed fit.
    magnifier
        A magnifier at the mouse, or at the end that keys move.
    napari
        napari's own layers and canvas.
    category
        The category of what is read so far, before all is read.
    proposals
        Proposed lines for cells without an answer.
    """

    ghost: bool = True
    magnifier: bool = False
    napari: bool = False
    category: bool = False
    proposals: bool = True
