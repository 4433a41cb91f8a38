"""We are the Dynamic Authorization Client (RFC 5176); each NAS is a Dynamic Authorization Server."""
