"""The client of a branch's PC system. What it says of money is passed on, never kept."""
