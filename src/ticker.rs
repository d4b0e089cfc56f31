//! The heartbeat that wakes the planner, and the fallback for when it does not come.
