"""Judging: predictions, metrics, intervals, baselines, ensembles, the report."""
