"""How dates, times and numbers look: `FORMAT_MODULE_PATH` points here."""
