"""The lab: a real Active Directory and an embedded AWS with a healthy environment, on loopback."""
