"""What gzprep and gztrain must agree on: places, recipes, errors, engines, and the dataset folder between them."""
