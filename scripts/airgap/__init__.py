"""The parts of airgap_bundle.sh."""
