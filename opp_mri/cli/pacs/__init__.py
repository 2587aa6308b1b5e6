"""Commands of archives (PACS)."""
