"""How a Beam graph is started, watched and cancelled. Import this room first and late: it imports Beam, quietly."""

import gc
import logging

_level, _collects = logging.root.manager.disable, gc.isenabled()
logging.disable(logging.WARNING)  # Beam's import warns of cloud libraries that are not installed and not needed
gc.disable()  # it makes 250,000 objects, none of them garbage: Python would look 650 times, half a second in all
try:
    import apache_beam  # noqa: F401 -- for all modules of this room
finally:
    logging.disable(_level)
    if _collects:
        gc.enable()
