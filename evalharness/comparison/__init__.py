"""What a comparison is made of: tasks paired, classed, screened and sliced, and what speaks against them."""
