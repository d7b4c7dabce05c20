"""Your package: seven tasks, one file each, that build on each other."""
