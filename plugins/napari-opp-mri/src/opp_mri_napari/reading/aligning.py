"""Follow-ups aligned from the room, away from the window."""

from typing import TYPE_CHECKING

from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.shared.work import Job

if TYPE_CHECKING:
    from opp_mri.workflow.registration.align import AlignSummary


def align_open_lesion(session: Session, navigation: Navigation) -> None:
    """Have the follow-ups of the open lesion aligned, away from the window."""
    lesion = session.lesion
    if lesion is None:
        navigation.hint = "Add a lesion first (Shift+A): follow-ups are aligned around it."
        return
    lesion_id = lesion.lesion.lesion_id

    def run() -> "AlignSummary":
        from opp_mri.workflow.registration.align import align_project  # takes a second to load

        return align_project(session.project, session.clock(), lesion_ids=[lesion_id])

    def take(summary: "AlignSummary") -> None:
        navigation.reload()
        fits = {0: "No new fit: F shows those from before.", 1: "1 new fit: F shows it."}.get(
            summary.new, f"{summary.new} new fits: F shows them."
        )
        failure_text = f" {len(summary.failures)} could not be tried." if summary.failures else ""
        navigation.hint = f"{fits}{failure_text}"

    navigation.hint = f"Aligning the follow-ups of {lesion_id} …"
    session.ask(Job(label="alignment", run=run, take=take, failed=session.warn))
