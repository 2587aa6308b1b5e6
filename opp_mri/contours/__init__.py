"""Contours of lesions: traced along edges, turned into volumes, compared between readers."""
