"""The commands of `opp-mri`: where each lives and what the list of commands says of it.

A command's module is loaded only when the command is used: pydicom or matplotlib take a second to
load, and the list of commands needs neither.
"""

from typing import Final, NamedTuple


class Verb(NamedTuple):
    """A command of the core.

    Parameters
    ----------
    module
        Module below `opp_mri.cli` that defines the command.
    summary
        One line for the list of commands.
    """

    module: str
    summary: str


VERBS: Final = {
    "init": Verb("catalogue", "Create a project."),
    "index": Verb("catalogue", "Index DICOM folders, files, DICOMDIRs or zip archives."),
    "series": Verb("catalogue", "List volumes with their roles."),
    "files": Verb("catalogue", "List every file with its status."),
    "patients": Verb("catalogue", "List patients with their time points."),
    "role": Verb("catalogue", "Change the role of a volume."),
    "lesion": Verb("lesions", "Add and list lesions and their events."),
    "visit": Verb("visits", "Record and list findings of visits."),
    "measure": Verb("lesions", "Measure calipers and record the readings."),
    "readings": Verb("lesions", "List all readings in order of recording."),
    "t2-ratio": Verb("ratios", "List the T2 ratios of lesions to a reference vertebra."),
    "align": Verb("align", "Register each follow-up to the baseline."),
    "fit": Verb("align", "Confirm or reject registrations."),
    "suggest": Verb("suggest", "Propose the extents of a lesion."),
    "suggest-levels": Verb("suggest", "Suggest levels from a label map."),
    "timeline": Verb("response", "Show lesions over time, and draw them."),
    "assess": Verb("response", "Assess the response of lesions."),
    "strip": Verb("key_images", "Draw the key images of a lesion."),
    "key-images": Verb("key_images", "Write the key images of a lesion as DICOM objects."),
    "dictate": Verb("key_images", "Print a lesion as a text for dictation."),
    "criteria": Verb("response", "Show and check response criteria."),
    "protocol": Verb("study", "Declare or show the reading protocol."),
    "reader-package": Verb("study", "Make a blinded package for a reader."),
    "reader-lock": Verb("study", "Encrypt a reader's package into one file for transport."),
    "reader-unlock": Verb("study", "Unpack an encrypted package."),
    "reader-return": Verb("study", "Seal a reader's package for its return."),
    "reader-merge": Verb("study", "Merge the answers of a reader's package."),
    "agreement": Verb("agreement", "Compute the agreement of two readers."),
    "discordance": Verb("agreement", "List where two readers differ, and why."),
    "consensus": Verb("consensus", "Resolve two reads into a consensus."),
    "unblind": Verb("study", "Lift the blinding of a reader study."),
    "certify": Verb("certify", "Certify a reader on phantom lesions."),
    "sr": Verb("exchange", "Exchange measurements as DICOM structured reports."),
    "seg": Verb("exchange", "Write contours as DICOM segmentations."),
    "fhir": Verb("exchange", "Write assessed lesions as FHIR bundles."),
    "deidentify": Verb("deidentify", "Export images and reports without identity."),
    "pacs": Verb("pacs.studies", "Find, pull and push studies in an archive (PACS)."),
    "cohort": Verb("cohort", "Describe and analyse a cohort."),
    "audit": Verb("audit", "Verify the records, and show who recorded what."),
    "backup": Verb("safekeeping", "Back up a project, and verify the backup."),
    "restore": Verb("safekeeping", "Restore a project from a backup."),
    "project": Verb("safekeeping", "Copy a project, into a file or a database."),
    "account": Verb("safekeeping", "Manage the accounts of a database."),
    "phantom": Verb("demo", "Write a synthetic cohort with known truth."),
    "demo": Verb("demo", "Run the whole program on a synthetic cohort."),
}
