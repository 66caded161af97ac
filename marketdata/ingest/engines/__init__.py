"""Each engine's own quickest path; `marketdata.ingest.loading` chooses."""
