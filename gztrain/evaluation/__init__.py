"""Evaluation of trained models: predictions, metrics, confidence intervals, baselines, ensembles, the report."""
