"""The main job, walked through on this machine against the simulator."""
