"""The checks of `dhcp-options.*`."""
