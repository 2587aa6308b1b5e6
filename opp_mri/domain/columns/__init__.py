"""Columns of the tables, each declared once."""
