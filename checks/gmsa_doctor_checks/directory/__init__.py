"""The gMSA, the user and the permission to retrieve the password, as the directory shows them."""
