"""The reading room of opp_mri in napari: for now an empty shell that napari lists."""
