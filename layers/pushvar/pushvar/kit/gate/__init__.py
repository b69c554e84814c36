"""The acceptance gate: whether what a service shows of itself is good enough to be shipped.

Facts come in, findings go out; nothing here fetches. A check is a row of ``checks.CHECKS``, and everything
that is said of the gate (its reports, the checklist) is made of that table.
"""
