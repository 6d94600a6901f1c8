"""The process's TensorFlow: its device, memory and limits."""
