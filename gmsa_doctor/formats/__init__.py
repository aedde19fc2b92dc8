"""Pure parsers. No I/O, no findings, no fixes.

A parser returns a frozen value, or typed defects from which a check makes its finding. If the two generations of
Credentials Fetcher differ, a defect names those that fail on it.
"""
