"""What every contestant written in Python does once it listens: it tells where, and ends when whoever started it does."""

import os
import sys
import threading


def _end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def listening(port):
    """Print the first line, `listening PORT`, and end the process when its standard input ends."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    print("listening", port, flush=True)


def absent(reason):
    """Say why this contestant cannot be here, and end."""
    print("absent", reason, flush=True)
    sys.exit(0)
