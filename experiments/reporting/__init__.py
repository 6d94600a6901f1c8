"""Text, tables and figures in the style that all experiments share. Knows nothing of TensorFlow."""
