"""Figures of a lesion and of a cohort."""
