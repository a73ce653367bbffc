//! Following plates from frame to frame.
