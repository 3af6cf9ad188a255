"""What gzprep and gztrain must agree on: places, recipes, errors, engines, and the dataset folder between them."""

__version__ = "0.1.0"
"""The version of all three packages. CONTRIBUTING.md says what a release is."""
