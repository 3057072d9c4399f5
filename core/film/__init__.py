"""Films: keyframes on the rig's parameters, what makes them, and the pictures rendered of them."""
