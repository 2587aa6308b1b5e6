"""Records that prove themselves: verification, backups and copies of a project."""
