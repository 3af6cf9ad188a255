"""What ``import gztrain`` offers: data sets, selections of their galaxies, and runs."""
