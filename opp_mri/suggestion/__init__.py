"""Proposed extents of a lesion on the sequences of a visit: never a reading until accepted."""
