"""Programs that tests run: real servers on loopback, each started, awaited and always ended.

Every module gives context managers; ``tests/conftest.py`` makes fixtures of them.
"""
