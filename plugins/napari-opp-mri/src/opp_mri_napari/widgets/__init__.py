"""Windows: thin Qt and napari; they show what a presenter says and announce wishes."""
