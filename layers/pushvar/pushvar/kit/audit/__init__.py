"""The audit of a registry: what each target is found to be, sums by owner, what changed, reports of it.

What was fetched comes in as values, reports go out as text; nothing here fetches or writes.
"""
