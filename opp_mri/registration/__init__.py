"""A follow-up lined up on a baseline around a vertebra, and a verdict on how well."""
