"""What looks like an address and is none: to what is typed, a part of the sentence that refuses it."""

WAYS = "use gs://, s3://, az://, hf://, or a path of this machine"
REFUSED: dict[str, tuple[str, str]] = {
    "a web page": ("http://host/x", f"Addresses that begin with http:// are not supported; {WAYS}."),
    "a signed web address": (
        "https://host/x?signature=SECRET",
        f"Addresses that begin with https:// are not supported; {WAYS}.",
    ),
    "another store": ("hdfs://host/x", f"Addresses that begin with hdfs:// are not supported; {WAYS}."),
    "another name of S3": ("s3a://bucket/x", f"Addresses that begin with s3a:// are not supported; {WAYS}."),
    "a user": ("s3://AKIA:SECRET@bucket/x", "is s3://BUCKET/PATH, without a user, a port, a ? or a #."),
    "a port": ("gs://bucket:80/x", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "a question": ("az://bucket/x?token=SECRET", "is az://BUCKET/PATH, without a user, a port, a ? or a #."),
    "a mark": ("gs://bucket/x#SECRET", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "no bucket": ("gs://", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "one slash": ("gs:/bucket/x", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "three slashes": ("gs:///bucket/x", "is gs://BUCKET/PATH, without a user, a port, a ? or a #."),
    "up": ("gs://bucket/a/../b", "gs://bucket/a/../b has a '..' in it; write the address without."),
}
