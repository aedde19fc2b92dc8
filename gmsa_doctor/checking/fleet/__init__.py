"""`gmsa-doctor fleet`: a plan of accounts and regions, and the check of each."""
