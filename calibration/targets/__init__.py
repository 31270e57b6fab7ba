"""Published figures, one theme a file, and the sources that they come from."""
