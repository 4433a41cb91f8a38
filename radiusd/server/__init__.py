"""UDP: whose datagram is it, is it whole, was it answered before?"""
