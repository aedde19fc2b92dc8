"""The user's decisions about findings: configuration, severities, waivers and a baseline."""
