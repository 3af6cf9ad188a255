"""Training: requests and jobs, the training loop, losses, Keras backends, checkpoints, cross-validation."""
