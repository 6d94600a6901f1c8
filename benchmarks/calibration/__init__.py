"""How often verdicts are wrong, and what they find."""
