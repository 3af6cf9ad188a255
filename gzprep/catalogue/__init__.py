"""Catalogues: which files, which columns; votes, and the labels derived from them."""
