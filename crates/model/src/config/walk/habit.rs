//! Keys that users know from other tools, and what they are called here.

/// What to write in place of `key` in the table `head`, and the key that its author meant.
pub(super) fn meant(key: &str, head: &str) -> Option<(&'static str, &'static str)> {
    Some(match (head, key) {
        ("defaults", "objects" | "manifest") => {
            ("", "which objects to keep hot is said by every profile: [defaults] holds any other of its keys")
        }
        ("profile.NAME" | "defaults", "cron" | "interval" | "every") => ("schedule", "the key is `schedule`"),
        ("profile.NAME" | "defaults", "bucket" | "buckets" | "prefix" | "path" | "paths" | "pattern" | "patterns") => {
            ("objects", "write bucket and key as one pattern: `objects = [\"s3://BUCKET/PREFIX/**\"]`")
        }
        ("profile.NAME" | "defaults", "include" | "match") => ("objects", "the key is `objects`"),
        ("profile.NAME" | "defaults", "ttl") => ("rewarm_after", "the key is `rewarm_after`"),
        ("profile.NAME" | "defaults", "enabled" | "disabled" | "suspend") => ("paused", "the key is `paused`"),
        ("profile.NAME" | "defaults", "newest" | "latest" | "limit") => {
            ("max_objects", "the newest N objects are `max_objects = N`")
        }
        ("endpoint.NAME", "url" | "endpoint_url" | "host") => ("cache_url", "the keys are `cache_url` and `list_url`"),
        ("endpoint.NAME", "concurrency" | "workers" | "threads") => {
            ("max_in_flight", "the keys are `start_in_flight` and `max_in_flight`")
        }
        ("", "job" | "jobs" | "warm") => ("profile", "profiles are tables of their own: `[profile.NAME]`"),
        ("", "cache" | "caches") => ("endpoint", "caches are tables of their own: `[endpoint.NAME]`"),
        _ => return None,
    })
}
