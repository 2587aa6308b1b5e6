"""Proposed calipers for the cells of a lesion; none is a reading."""
