"""``python -m gzprep``."""

from gzprep.cli import main_process

if __name__ == "__main__":  # worker processes import this module too
    main_process()
