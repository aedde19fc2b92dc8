"""How we speak to AWS, DNS, LDAP and Kerberos: the only I/O. Clients judge nothing."""
