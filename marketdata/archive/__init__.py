"""The archive: sealed days as Parquet files, and the manifest that says which file holds what (docs/archive.md)."""
