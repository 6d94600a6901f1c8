"""``python -m runner``. Nothing is imported here: a process started for the lab imports this, too."""

if __name__ == "__main__":
    import sys

    try:
        from runner.app import main

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("runner: interrupted before anything was started")
