"""Engines that run a Beam graph: what each is called, what it needs, and processes of this machine. Without Beam."""
