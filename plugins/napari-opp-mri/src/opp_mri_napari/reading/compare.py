"""Blink, overlay and difference of a time point with its baseline, along confirmed fits."""

from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.imaging import VolumeDescription
from opp_mri.workflow.measuring.seeds import Phase, determine_phase
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.panes import Pane
from opp_mri_napari.shared.geometry import choose_window
from opp_mri_napari.shared.work import ImageCache

SHARE_STEP: Final = 0.1


class Comparison(StrEnum):
    """How a time point is shown together with its baseline."""

    OFF = "off"
    BLINK = "blink"
    OVERLAY = "overlay"
    DIFFERENCE = "difference"


class Compare:
    """Shows the active pane together with the baseline of its sequence.

    Attributes
    ----------
    mode
        How.
    share
        Of the baseline in an overlay, 0 to 1.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cache: ImageCache[NDArray[np.float32]] = ImageCache()
        self.mode = Comparison.OFF
        self.share = 0.5
        self._shows_baseline = False

    @property
    def is_on(self) -> bool:
        """Whether anything but native images is shown, on which nothing is measured."""
        return self.mode is not Comparison.OFF

    def blink(self, pane: Pane) -> str:
        """Show the baseline in a pane, and the pane's own image again; says why it cannot."""
        if self.mode is not Comparison.BLINK:
            self.mode, self._shows_baseline = Comparison.BLINK, False
        self._shows_baseline = not self._shows_baseline
        if not self._shows_baseline:
            self.mode = Comparison.OFF  # the own image can be measured on again
        return self._prepare(pane)

    def step_mode(self, pane: Pane) -> str:
        """Go from native images to overlay, to difference, and back; says why it cannot."""
        modes = (Comparison.OFF, Comparison.OVERLAY, Comparison.DIFFERENCE)
        at = modes.index(self.mode) if self.mode in modes else 0
        self.mode = modes[(at + 1) % len(modes)]
        return self._prepare(pane)

    def change_share(self, steps: int) -> None:
        """Show more or less of the baseline in the overlay."""
        self.share = min(1.0, max(0.0, self.share + SHARE_STEP * steps))

    def leave(self) -> None:
        """Show native images again."""
        self.mode, self._shows_baseline = Comparison.OFF, False

    def describe_comparison(self, pane: Pane) -> str:
        """Describe what a pane shows instead of its native image; "" for that."""
        if not self.is_on:
            return ""
        if self._get_picture(pane) is None:
            return "baseline is loading …"
        if self.mode is Comparison.BLINK:
            return "BASELINE, by the fit"
        if self.mode is Comparison.OVERLAY:
            return f"overlay, {self.share:.0%} baseline"
        return "difference from the baseline"

    def mix_images(self, pane: Pane, window: tuple[float, float]) -> NDArray[Any] | None:
        """Return what a pane shows instead of its native image, shape (down, across), or None.

        Parameters
        ----------
        window
            Values that the pane draws black and white; the baseline is brought to them.
        """
        other_picture = self._get_picture(pane) if self.is_on else None
        if other_picture is None or pane.images is None:
            return None
        own = pane.images[pane.place].astype(np.float32)
        low, high = window
        first, last = choose_window(np.nan_to_num(other_picture))
        baseline = low + (other_picture - first) / (last - first) * (high - low)
        baseline = np.where(np.isnan(baseline), low, baseline)
        if self.mode is Comparison.BLINK:
            return np.asarray(baseline)
        if self.mode is Comparison.OVERLAY:
            return np.asarray((1 - self.share) * own + self.share * baseline)
        return np.asarray((low + high) / 2 + (own - baseline) / 2)

    def _get_picture(self, pane: Pane) -> NDArray[np.float32] | None:
        key = self._build_key(pane)
        images = self._cache.get(key) if key else None
        if images is None or pane.geometry is None or pane.place >= len(images):
            return None
        picture: NDArray[np.float32] = pane.geometry.turn_images(images)[pane.place]
        return picture

    def _prepare(self, pane: Pane) -> str:
        """Have the baseline loaded; where that cannot be, say why and show native images."""
        if not self.is_on:
            return ""
        key, baseline, lesion = (
            self._build_key(pane),
            self._find_baseline(pane),
            self._session.lesion,
        )
        if pane.volume is None or baseline is None or lesion is None:
            self.leave()
            return "There is no baseline to compare with."
        transform = lesion.links.find_carrying(
            baseline.planes[0].frame_of_reference_uid, pane.frame
        )
        if transform is None:
            self.leave()
            return "Time points are compared along a confirmed fit only: F shows the fits."
        if self._cache.is_open(key):
            store, own, other_id = (
                self._session.project.store, pane.volume.volume_id, baseline.volume_id
            )  # fmt: skip

            def load() -> NDArray[np.float32]:
                # brings the resampling of scipy
                from opp_mri.workflow.reading_room.comparing import carry_images

                return carry_images(store, own, other_id, transform)

            self._cache.want_images({key})
            self._session.ask(self._cache.build_job(key, load, lambda images: images.nbytes))
        return self._cache.failures.get(key, "")

    def _build_key(self, pane: Pane) -> str:
        baseline, lesion = self._find_baseline(pane), self._session.lesion
        if pane.volume is None or baseline is None or lesion is None:
            return ""
        fits = lesion.links.fits.get(pane.frame, ())
        decision_key = ",".join(f"{fit.fit_id}:{fit.decision}" for fit in fits)
        return f"{pane.volume.volume_id}|{baseline.volume_id}|{decision_key}"

    def _find_baseline(self, pane: Pane) -> VolumeDescription | None:
        patient, lesion = self._session.patient, self._session.lesion
        if patient is None or lesion is None or patient.blinding is not None:
            return None
        before = [
            volume
            for (day, role), volume in patient.volumes.items()
            if role is pane.sequence
            and day < pane.study_date
            and determine_phase(lesion.lesion, day) is Phase.BEFORE
        ]
        return before[-1] if before else None
