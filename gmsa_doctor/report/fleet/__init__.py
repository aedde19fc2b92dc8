"""The report about the services of many accounts and regions."""
