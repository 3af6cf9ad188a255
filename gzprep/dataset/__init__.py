"""The dataset folder while it is written and when it is read back: paths, shards, spool, cards."""
