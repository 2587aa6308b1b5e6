"""The studies of an archive: search, pull and open, as `opp-mri pacs` does."""
