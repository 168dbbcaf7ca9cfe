"""What Prometheus may know of the box beside its gate: documents, searches, jobs, disk, GPUs."""
