"""The project's own speed, as ratios against what a user would do by hand. ``make bench`` runs it."""
