"""Objects of the Active Directory that several checks read. No check is here."""
