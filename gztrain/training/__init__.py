"""Training: a request, its job, the loop, the losses, the backends, cross-validation."""
