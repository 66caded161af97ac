"""Splits and dividends in: what a ratio and an amount may be, files of them; pure but for the reading of files."""
