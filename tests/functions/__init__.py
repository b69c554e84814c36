"""The Lambda functions: their handlers on emulated services, the template, the built artifact."""
