"""Lesions, calipers and readings of a project, and the timelines they form."""
