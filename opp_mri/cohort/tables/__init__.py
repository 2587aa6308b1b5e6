"""Tables of a cohort, ready to print or export."""
