"""The installers and deploy files."""
