"""The Beam graph of gzprep. Import it late: Beam takes seconds, and ``--help`` should not."""

import gzcore.engines.beam  # noqa: F401 -- imports Beam, quietly
