"""Pure parsers of what people and machines hand us. No I/O, no findings, no fixes.

A parser gives a frozen value, or typed defects from which a check makes its finding. Where the two
generations of Credentials Fetcher differ, a defect names those that stumble over it.
"""
