"""Reports: one self-contained page a cohort or a patient, and the same as PDF."""
