"""Seeing why: where a network looks, and how steady its answers are."""
