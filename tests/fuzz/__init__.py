"""Input that nobody would think of: each is refused in one line, and leaves nothing behind."""
