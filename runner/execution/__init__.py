"""Jobs in worker processes, and the scheduler that runs them."""
