"""The networks of the studies, with the activation left open: one file a family."""
