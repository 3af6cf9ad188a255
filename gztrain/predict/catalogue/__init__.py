"""``gztrain predict --catalogue``: the galaxies of a catalogue to a table of votes that can be published."""
