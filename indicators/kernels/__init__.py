"""Numba kernels: arrays in, arrays or scalars out."""
