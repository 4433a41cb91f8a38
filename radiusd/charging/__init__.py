"""Who says whether a café can be charged for play, and charges it: a wallet here, or a partner over HTTP."""
