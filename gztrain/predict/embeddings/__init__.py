"""Embeddings: what a trained network sees in an image, as numbers. Galaxies that are alike have similar numbers."""
