"""Parts of build_head.py: the free head from CC0 MakeHuman data."""
