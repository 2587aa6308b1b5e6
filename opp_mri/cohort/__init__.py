"""Many timelines: tables, figures and reports."""
