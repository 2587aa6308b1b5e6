"""From measurements to response categories, in a project or from tables."""
