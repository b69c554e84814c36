"""Batch jobs: the Pushgateway front door and the job wrapper."""
