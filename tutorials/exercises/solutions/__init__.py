"""Model solutions. To hand out the exercises without them, leave this folder out."""
