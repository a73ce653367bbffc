//! The event payload.
