"""Imported in a child process: TensorFlow computes steps as they stand, which is sooner done for a few of them."""

import tensorflow as tf

tf.config.run_functions_eagerly(run_eagerly=True)
