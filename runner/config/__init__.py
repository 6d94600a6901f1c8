"""The config: its types, its checks, what is said of its errors, and what of it is the question."""
