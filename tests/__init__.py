"""The tests of pushvar; ``python -m tests.components`` fetches the programs they run against."""
