"""Comparing pictures side by side."""
