"""The rule sets, one a file: ``rule_set(settings, runbooks)`` gives it, ``RUNBOOKS`` is its page."""
