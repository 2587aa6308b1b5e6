"""The reading room's widgets: they draw snapshots and announce wishes."""
