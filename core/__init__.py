"""The engine of DiffusionRig Studio, without any user interface."""
import os as _os

# Both are read once, when numpy or torch is first imported. OpenMP threads that spin while they wait for each other collapse as
# soon as anything else wants a core, be it the window drawing a frame: on two busy cores a network step then takes 10 times
# longer. And numpy's products here are small: a second BLAS thread makes them slower, not faster.
_os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
_os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
