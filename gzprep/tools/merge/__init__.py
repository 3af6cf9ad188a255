"""``gzprep merge``: joins dataset folders of different surveys into one. Images are copied as bytes.

:mod:`inputs` opens the folders and refuses what does not fit, :mod:`trees` joins their questions, :mod:`records` and
:mod:`tables` rewrite shards and catalogues one by one, :mod:`manifest` says what came out, and :mod:`join` does it all.
"""
