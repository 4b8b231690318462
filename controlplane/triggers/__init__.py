"""What timers, queues and events bring, decoded and handed to the domain."""
