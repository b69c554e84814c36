"""One file for each dashboard, with ``board(settings)``; it is found by the name of its file."""
