"""``python -m gzprep``."""

from gzprep.cli import main

main()
