"""The only home of pydicom: headers, roles, volumes, files."""

from opp_mri.dicom.network.addresses import add_archives

add_archives()
