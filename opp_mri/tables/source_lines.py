"""Where the tables have what a warning is about."""

from collections.abc import Iterable, Mapping

from attrs import evolve, field, frozen

from opp_mri.domain.plausibility import DataWarning
from opp_mri.tables.measurements import Study


@frozen(kw_only=True)
class SourceLines:
    """Files and lines from which lesions and studies were read.

    Parameters
    ----------
    lesions_file, lesions
        Name of the table of lesions, and the line of each; "" and none where there is none.
    studies_file, studies
        Name of the table of measurements, and the line of each study.
    """

    lesions_file: str = ""
    lesions: Mapping[str, int] = field(factory=dict)
    studies_file: str = ""
    studies: Mapping[Study, int] = field(factory=dict)

    def locate(self, warnings: Iterable[DataWarning]) -> tuple[DataWarning, ...]:
        """Return the warnings with file and line, as far as the tables have them."""
        first_of_day: dict[tuple[str, int | None], int] = {}
        for (lesion_id, _, day), line in self.studies.items():
            first_of_day.setdefault((lesion_id, day), line)
        return tuple(self._locate(warning, first_of_day) for warning in warnings)

    def _locate(
        self, warning: DataWarning, first_of_day: Mapping[tuple[str, int | None], int]
    ) -> DataWarning:
        if warning.day is None:
            file, line = self.lesions_file, self.lesions.get(warning.lesion_id)
        elif warning.sequence is None:
            file, line = self.studies_file, first_of_day.get((warning.lesion_id, warning.day))
        else:
            study = (warning.lesion_id, warning.sequence, warning.day)
            file, line = self.studies_file, self.studies.get(study)
        return warning if line is None else evolve(warning, file=file, line=line)
