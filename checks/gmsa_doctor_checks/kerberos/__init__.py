"""Tickets: the live flow, and what they are made of."""
