"""Points measured in turns, recorded and compared."""
