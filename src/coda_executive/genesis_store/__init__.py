"""Genesis files kept between runs, in a directory or a bucket, and found again by a ledger's hash.

`genesis_files` has what a run calls; `location`, `directory`, `s3` and `sigv4` are how files are kept.
"""
