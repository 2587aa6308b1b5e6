"""Statistics of a cohort: endpoints, survival, hazards, and the published figures."""
