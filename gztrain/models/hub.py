"""Fetch an encoder from the Hugging Face hub: its weights and what timm says of them, nothing else."""

from pathlib import Path

from gzcore.console import printable, say
from gzcore.errors import GzError

CONFIG = "config.json"
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of the weights in a folder of the hub; the first that is there is read."""

ZOOBOT = (
    "The Zoobot encoders are by Walmsley et al. 2023, JOSS 8, 5312 (https://doi.org/10.21105/joss.05312). Please cite "
    "the paper. The licence of their weights is Apache 2.0."
)
"""Source: the cards of the encoders, and CITATION.cff of Zoobot."""


def fetch_encoder(name: str) -> Path:
    """Download an encoder, or find it in the cache of huggingface_hub.

    Args:
        name: ``user/name`` on the hub.

    Returns:
        A folder with the weights and ``config.json``.

    Raises:
        GzError: huggingface_hub is not installed, or the encoder cannot be fetched.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise GzError(
            "Encoders from the hub need huggingface_hub; install it with: pip install 'gzprep[hub]'. Or download the "
            "encoder in another way, and give --weights its folder."
        ) from None
    try:
        folder = snapshot_download(name, allow_patterns=[CONFIG, *WEIGHT_FILES])
    except Exception as error:  # its exceptions are of many kinds: of the network, of the hub, of files
        reason = printable(" ".join(str(error).split()).split(". ")[0])
        raise GzError(
            f"The encoder hf://{name} could not be fetched ({reason}); check the name and the network, or download it "
            "elsewhere and give --weights its folder."
        ) from None
    if "zoobot" in name.lower():
        say(ZOOBOT)
    return Path(folder)
