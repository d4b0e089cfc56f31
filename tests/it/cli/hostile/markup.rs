//! Names that would become markup where a comparison is a comment on a pull request.

use sim::{Bucket, Entry, Sim};

use super::super::MIB;
use super::{Desk, shows};

/// What would leave its block, be a link, an image, a mention, code, or HTML.
const NAMES: [&str; 8] = [
    "a\\|b",
    "x|y",
    "![i](http://evil.test/p.png)",
    "[t](http://evil.test)",
    "@octocat",
    "`code`",
    "<img src=x>",
    "www.evil.test",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_name_of_the_store_becomes_markup_of_a_comment() {
    let bucket = NAMES.iter().fold(Bucket::new(), |bucket, name| {
        let key = format!("d/{name}/```/</details>.tar");
        bucket.object(key, Entry::sized(MIB).etag("ffffffffffffffffffffffffffffffff-2"))
    });
    let desk = Desk::start(Sim::builder().bucket("training", bucket)).await;
    desk.configure("", "[profile.all]\nobjects = [\"s3://training/e/**\"]\nmax_bytes = \"1 GiB\"\n");
    std::fs::rename(desk.path("hotset.toml"), desk.path("before.toml")).unwrap();
    desk.configure("", "[profile.all]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n");
    let ran = desk.run("plan --against before.toml --format markdown");
    assert_eq!(ran.out.matches("```").count() % 2, 0);
    assert!(ran.out.lines().all(|line| !line.contains("```") || ["```", "```diff"].contains(&line)), "{ran}");
    shows("hostile_markup", &[ran]);
}
