"""What rules do: one row an action, at the foot of the file that implements it; table.py joins them."""
