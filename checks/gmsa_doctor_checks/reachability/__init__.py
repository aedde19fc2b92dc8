"""Which packets of a task pass the network: flows, what blocks them, and which check reports it. No checks."""
