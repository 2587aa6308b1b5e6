"""Archives (PACS) by DIMSE and by DICOMweb; the only home of pynetdicom and dicomweb-client."""
