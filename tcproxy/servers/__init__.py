"""A backend's servers at work: states, weights, slow start, queues, and the pools of their idle links."""
