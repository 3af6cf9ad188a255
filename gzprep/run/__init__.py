"""A run: launched, watched, estimated, sent to an engine."""
