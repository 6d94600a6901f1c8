"""Text, tables and figures, as every experiment writes them. Knows nothing of TensorFlow."""
