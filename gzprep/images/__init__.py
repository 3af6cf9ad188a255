"""Pixels: decode, geometry, views, encode, and the detectors of defects."""
