"""The live farm: server states, weights, slow start, queues."""
