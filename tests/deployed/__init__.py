"""The whole stack, deployed by SAM to an AWS on this machine."""
