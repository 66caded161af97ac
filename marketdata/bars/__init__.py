"""Bars out: the one question "these symbols, this timeframe, this time range"; `marketdata.selectors` is the door."""
