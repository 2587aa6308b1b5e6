"""Serial registration of a project: fits, their review, and the links they give."""
