"""Everything that knows Apache Beam. Import it late: Beam takes seconds, and ``--help`` should not."""
