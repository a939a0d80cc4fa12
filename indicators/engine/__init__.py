"""What all indicators share: their shape, the one way to run them, the gauge."""
