"""Bars in: sources, recognition, validation and loading; `marketdata.services.ingest` is the door."""
