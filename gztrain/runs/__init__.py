"""The run folder and its history."""
