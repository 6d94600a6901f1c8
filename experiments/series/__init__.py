"""Points measured in turns, and how they are recorded."""
