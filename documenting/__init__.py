"""Makes the parts of the documentation that follow from the code: the reference, the pictures, the site."""
