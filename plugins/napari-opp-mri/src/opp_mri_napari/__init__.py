"""The windows of opp_mri in napari: for now the one in which a reader confirms fits."""
