"""The parts of release.sh."""
