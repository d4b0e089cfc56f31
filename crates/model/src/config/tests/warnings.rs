//! What is legal, and worth a second look.

use super::super::environment_warnings;
use super::{LOTA, config};

fn warnings(text: &str) -> String {
    let warnings: Vec<String> = config(text).warnings.iter().map(|warning| warning.render(false)).collect();
    warnings.join("\n\n")
}

#[test]
fn what_is_worth_a_second_look() {
    let text = format!(
        r#"{}
[endpoint.spare]
cache_url = "http://spare.example.com"
region = "auto"

[credentials.old]
aws_profile = "old"

[defaults]
endpoint = "lota"

[profile.whole]
objects = ["s3://training/**/*.tar"]
schedule = "*/90 * * * *"
max_bytes = "8 TiB"

[profile.never]
objects = ["s3://training/datasets/**"]
schedule = "0 0 30 2 *"
max_bytes = "4 TiB"

[profile.fresh]
objects = ["s3://training/datasets/**"]
schedule = "0 */6 * * *"
rewarm_after = "5h 30m"
max_bytes = "unlimited"

[profile.latest]
objects = ["s3://training/**"]
order = "largest"
schedule = "*/5 * * * *"
max_bytes = "1 TiB"
checkpoint = {{ layout = "orbax", settle = "0s" }}

[profile.models]
objects = ["s3://models/**"]
schedule = "*/5 * * * *"
max_bytes = "1 TiB"
checkpoint = {{ layout = "safetensors" }}

[profile.idle]
objects = ["s3://training/datasets/**"]
on_start = "never"
max_bytes = "1 TiB"
"#,
        LOTA.replace("region", "capacity = \"10 TiB\"\nregion")
    );
    insta::assert_snapshot!(warnings(&text));
}

#[test]
fn variables_that_redirect_other_tools_are_named() {
    let names = ["HOME", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE"];
    let said: Vec<String> = environment_warnings(names).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "AWS_ENDPOINT_URL is set in the environment, and ignored",
            "AWS_ENDPOINT_URL_S3 is set in the environment, and ignored"
        ]
    );
}

#[test]
fn addresses_and_regions_that_look_like_slips_are_named() {
    let text = r#"
[endpoint.lota]
cache_url = "http://cwlota.com"
list_url = "https://cwobject.com"
region = "us-east-04a"
bucket_regions = { "eu-*" = "eu_west_1" }

[endpoint.store]
cache_url = "http://training.s3.example.com"
list_url = "http://models.s3.example.com:9000"
region = "us-east1"

[endpoint.store.list]
region = "us-east-1a"

[endpoint.own]
cache_url = "http://cache.example.com"
region = "garage"

[profile.a]
endpoint = "lota"
objects = ["s3://training/datasets/**"]
max_bytes = "1 TiB"

[profile.b]
endpoint = "store"
objects = ["s3://other/d/**", "s3://training/d/**", "s3://models/d/**"]
max_bytes = "1 TiB"

[profile.c]
endpoint = "own"
objects = ["s3://training/d/**"]
max_bytes = "1 TiB"
"#;
    insta::assert_snapshot!(warnings(text));
}
