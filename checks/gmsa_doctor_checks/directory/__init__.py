"""What the directory says of the user, the gMSA and the permission."""
