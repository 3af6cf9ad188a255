"""What looks like an address and is none: to what is typed, a part of the sentence that refuses it."""

WAYS = "use gs://, s3://, az://, or a path of this machine"
REFUSED: dict[str, tuple[str, str]] = {
    "a web page": ("http://host/x", f"There is no way to http:// from here; {WAYS}."),
    "a signed web address": ("https://host/x?signature=SECRET", f"There is no way to https:// from here; {WAYS}."),
    "another store": ("hdfs://host/x", f"There is no way to hdfs:// from here; {WAYS}."),
    "another name of S3": ("s3a://bucket/x", f"There is no way to s3a:// from here; {WAYS}."),
    "a user": ("s3://AKIA:SECRET@bucket/x", "is s3://BUCKET/PATH, without a user, a port, a ? or a #."),
    "a port": ("gs://bucket:80/x", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "a question": ("az://bucket/x?token=SECRET", "is az://BUCKET/PATH, without a user, a port, a ? or a #."),
    "a mark": ("gs://bucket/x#SECRET", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "no bucket": ("gs://", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "one slash": ("gs:/bucket/x", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "three slashes": ("gs:///bucket/x", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "up": ("gs://bucket/a/../b", "gs://bucket/a/../b goes up with '..'; write the address without it."),
}
