"""What the user agreed on beforehand: the configuration, severities, waivers and a baseline."""
