//! `hotset schedule`: coming fires of every profile.
