"""What `bootstrap --demo` makes: people, instruments, prices, portfolios, signals.

Each part is made once, which the audit trail remembers (`parts.py`), so that nothing a person
changes or removes afterwards comes back. Only prices and performance go on, day by day.
"""
