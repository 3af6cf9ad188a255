"""Prediction as a Beam pipeline. Import it late: Beam takes seconds, and need not be installed."""
