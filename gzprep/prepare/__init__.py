"""One galaxy, one bin, one job; and what makes a dataset folder whole."""
