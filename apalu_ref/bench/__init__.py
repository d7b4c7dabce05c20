"""Timings that anyone can repeat; ``apalu-ref bench`` runs them."""
