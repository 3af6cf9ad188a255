"""Predictions: for images, for shards, as a Beam pipeline, and as exported models."""
