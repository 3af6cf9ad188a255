"""The versions that a run was trained with: what they compute may differ in the last bits, and so may the weights."""

import platform
import sys

from gztrain import __version__


def versions_of(backend: str) -> dict[str, str]:
    """Versions of what can change a weight, of what is loaded; and the kind of processor.

    Args:
        backend: the Keras backend, which is the name of its module, too. (Its package may be tensorflow-cpu.)
    """
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in ("keras", backend, "numpy")}
    found = {name: str(value) for name, value in loaded.items() if value is not None}
    return {"gztrain": __version__, "python": platform.python_version(), **found, "machine": platform.machine()}
