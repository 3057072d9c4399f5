"""Measuring the program on a folder of photos: `main.py evaluate KIND FOLDER`."""
