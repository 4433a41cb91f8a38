"""Several processes on the same ports, each a whole server, and the parent that keeps them running.

The parent opens every socket, one of each kind for each worker, and keeps them open as long as it runs; a worker is
lent its own. So a worker that dies or is replaced takes no datagram with it but those it had in hand: what waits in its
sockets is read by the one that follows. Which worker gets a datagram is decided by the kernel, from where it comes
(`choosing`), so that a router's port stays with one worker, and duplicates meet their cache.
"""
