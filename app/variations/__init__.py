"""Variations: one edit over several seeds or values, as a grid."""
