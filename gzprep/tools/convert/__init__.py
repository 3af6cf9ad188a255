"""A dataset folder in formats of others: parquet for Hugging Face datasets, tar for webdataset, array_record.

One shard becomes one file, on all cores. A file a format holds its encoder, a pure function of records.
"""
