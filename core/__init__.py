"""The engine of DiffusionRig Studio, without any user interface."""
import os as _os

# OpenMP reads this once, when torch is first imported. Threads that spin while they wait for each other collapse as soon as
# anything else wants a core, be it the window drawing a frame: on two busy cores a network step takes 10 times longer.
_os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
