"""What game servers and launchers ask for, in the form that studios' code knows."""
