//! Whole searches over made-up trees.
