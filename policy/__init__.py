"""What the café sells and what follows from it: plain functions over frozen values, nothing else."""
