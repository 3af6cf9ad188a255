"""``python -m gztrain``."""

from gztrain.cli import main

if __name__ == "__main__":
    main()
