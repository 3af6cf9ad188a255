"""Which galaxies to show to volunteers next: those from whose votes a network would learn most."""
