"""A cohort: tables, figures, reports, exports and the bundle."""
