//! What becomes of planned objects under every answer that a cache can give, or not give. Time is tokio's, paused.

mod answers;
mod budget;
mod fake;
mod feeding;
mod outage;
mod properties;
mod refused;
mod sharing;
mod stopping;
mod waiting;
