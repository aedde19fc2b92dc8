"""The LDAP client."""
