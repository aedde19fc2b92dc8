"""The error texts that users paste: the catalogue, and what a text, a log or AWS's JSON holds of it."""
