"""The door for Python: what `import opp_mri as opp` offers, in tables and figures.

Like the command line it is thin. It takes paths as text or `Path`, modes as words, and frames of
pandas; it supplies the time of recording, and shows results in a notebook.
"""
