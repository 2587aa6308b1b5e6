"""The nouns: no files, no screen, no clock."""
