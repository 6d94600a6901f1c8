"""``python -m runner``. Nothing is imported here: a process started for the lab imports this, too."""

if __name__ == "__main__":
    import sys

    try:
        from runner.app import main

        status = main()
    except KeyboardInterrupt:  # while all that was still being imported
        print("runner: interrupted before anything was started", file=sys.stderr)
        status = 130
    sys.exit(status)
