from opp_mri.door.cohort import Cohort as Cohort
from opp_mri.door.cohort import KaplanMeier as KaplanMeier
from opp_mri.door.cohort import read_tables as read_tables
from opp_mri.door.figure import Figure as Figure
from opp_mri.door.lesion import Assessment as Assessment
from opp_mri.door.lesion import Lesion as Lesion
from opp_mri.door.lesion import Timeline as Timeline
from opp_mri.door.project import Project as Project
from opp_mri.door.project import open as open
from opp_mri.door.tables import assess as assess
from opp_mri.errors import OppMriError as OppMriError

__version__: str
