"""Options of a command line that take a place. Text becomes a place here, and nowhere else.

For typer's ``parser=``: the name of the function is what a usage line shows for the value.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from gzcore.storage.places import Place, as_place, local

if TYPE_CHECKING:
    AnyPlace = Place
else:
    AnyPlace = type("path", (), {"__doc__": "Stands for Place in a signature: typer takes no unions."})


def place(text: str | Place) -> Place:
    """A path of this machine, or an address in a bucket.

    Raises:
        UsageError: it looks like an address and is none that we know.
    """
    return as_place(text)


def path(text: str | Place) -> Path:
    """A path of this machine.

    Raises:
        UsageError: it is an address.
    """
    return local(as_place(text))
