"""What lies where: the index of files, the patients, the synthetic cohort."""
