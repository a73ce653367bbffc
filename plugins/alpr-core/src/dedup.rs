//! One event of every passing vehicle.
