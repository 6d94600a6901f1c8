"""``python -m runner``. Imports nothing at its top, since the processes that it starts import this module, too."""


def main() -> None:
    """Do what the command line says, and end the process."""
    import os
    import sys

    try:
        from runner.cli.app import main as run

        status = run()
    except KeyboardInterrupt:  # while all that was still being imported
        print("runner: interrupted before anything was started", file=sys.stderr)
        status = 130
    sys.stderr.flush()
    # Everything is written and closed. Python's own end would spend a second on taking MLflow's modules apart.
    os._exit(status)


if __name__ == "__main__":
    main()
