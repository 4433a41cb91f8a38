"""What the server takes and shows by HTTP: PC systems' events, guests' phones, health and metrics."""
