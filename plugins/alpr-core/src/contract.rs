//! Model contracts: what a network wants as input and what its outputs mean.
