"""Models as administrators see them: what is on the disk, what comes, what is searched with."""
