"""Makes `twist --reactor=asyncio radiusd --config FILE` work; radiusd.service is only imported when it is asked for."""

from twisted.application.service import ServiceMaker

radiusd = ServiceMaker(
    "radiusd",
    "radiusd.service",
    "RADIUS server for internet cafes (only on the asyncio reactor: twist --reactor=asyncio radiusd).",
    "radiusd",
)
