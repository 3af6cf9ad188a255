"""Detectors of lines, glows and edges: written, not judged yet, and not part of a run.

:mod:`gzprep.defects` decides what is left out of a data set. What stands here joins it once its recall and its false
alarms have been measured on images that thresholds were not chosen on.
"""
