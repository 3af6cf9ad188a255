"""Places: a path of this machine or an address in a bucket, with atomic files, locks and retries."""
