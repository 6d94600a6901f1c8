"""``python -m runner``. Nothing is imported here: a process started for the lab imports this, too."""

if __name__ == "__main__":
    import os
    import sys

    try:
        from runner.cli.app import main

        status = main()
    except KeyboardInterrupt:  # while all that was still being imported
        print("runner: interrupted before anything was started", file=sys.stderr)
        status = 130
    sys.stderr.flush()
    # Everything is written and closed. Python would now take MLflow's modules apart, for a second.
    os._exit(status)
