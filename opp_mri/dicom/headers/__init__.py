"""The header of a file: found, walked, decoded and checked for completeness."""
