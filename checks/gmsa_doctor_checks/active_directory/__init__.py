"""What several checks read of the Active Directory, and say about it. No check is here."""
