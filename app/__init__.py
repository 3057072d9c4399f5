"""The desktop window. Nothing is imported here, so that the command line can look at `app` without Qt."""
