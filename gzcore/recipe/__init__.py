"""Recipes: TOML files laid over checked defaults, and those that come with a package, found by name."""
