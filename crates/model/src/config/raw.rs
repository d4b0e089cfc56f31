//! What was typed: a mirror of the file, key by key. Its doc comments are the descriptions of the JSON Schema.
//!
//! No field is `flatten`, no enum is internally tagged or, but for [`MemberCount`], `untagged`: their errors lose their place.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use super::endpoint::Addressing;
use super::profile::{OnMissed, OnOverlap, OnReload, OnStart};
use super::value::duration::Length;
use super::value::glob::{Buckets, Group, Members, Objects, Pointer, Suffix};
use super::value::listen::Listen;
use super::value::name::{self, Name};
use super::value::percent::Percent;
use super::value::rate::Rate;
use super::value::site::SiteUrl;
use super::value::size::{ByteCap, Size};
use super::value::text::{AwsProfile, Cron, FilePath, Manifest, Region, SecretPath, StorageClass, TeamFiles};
use super::value::watch::Watch;
use super::value::zone::ZoneName;
use super::value::{At, Kind, Typed};
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::{OnIncomplete, Parts};
use crate::select::{OnExcess, Order};
use crate::text_error::TextError;

type Text<K> = Option<Typed<K>>;
type Texts<K> = Option<At<Vec<Typed<K>>>>;
/// The schema of the key bounds it.
type Number<T> = Option<At<T>>;
type Flag = Option<At<bool>>;

/// Tables by the names that users give them.
pub type Named<T> = BTreeMap<String, At<T>>;

/// One file of a hotset configuration.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "hotset configuration")]
pub struct Document {
    /// What belongs to the process: where it listens, where it keeps its state. In one file only.
    pub daemon: Option<At<Daemon>>,
    /// Caches to warm.
    #[schemars(schema_with = "named::<Endpoint>")]
    pub endpoint: Named<Endpoint>,
    /// Where keys come from. No secret stands here, only where to find it.
    #[schemars(schema_with = "named::<Credentials>")]
    pub credentials: Named<Credentials>,
    /// Profile keys for all profiles that do not set them. In one file only.
    #[schemars(schema_with = "defaults")]
    pub defaults: Option<At<Profile>>,
    /// What to keep hot, when, and how much of it.
    #[schemars(schema_with = "named::<Profile>")]
    pub profile: Named<Profile>,
    /// What the files of a team may hold and reach.
    #[schemars(schema_with = "named::<Team>")]
    pub team: Named<Team>,
    /// Changes to single keys of tables that an earlier --config defines.
    #[serde(rename = "override")]
    pub overrides: Overrides,
}

/// Profile keys for all profiles, without those that say which objects.
fn defaults(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Profile::json_schema(generator);
    if let Some(properties) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        properties.remove("objects");
        properties.remove("manifest");
    }
    schema
}

/// Changes to single keys of tables that an earlier --config defines, each key once.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// Keys of endpoints to replace.
    #[schemars(schema_with = "named::<Endpoint>")]
    pub endpoint: Named<Endpoint>,
    /// Keys of profiles to replace.
    #[schemars(schema_with = "named::<Profile>")]
    pub profile: Named<Profile>,
}

/// What belongs to the process.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Daemon {
    /// IP address and port of the page, the API and the metrics, or "off".
    pub listen: Text<Listen>,
    /// File with the bearer token that everything which changes something needs.
    pub token_file: Text<SecretPath>,
    /// File with a bearer token that may only start runs.
    pub run_token_file: Text<SecretPath>,
    /// Folder of the journal, on a local disk.
    pub state_dir: Text<FilePath>,
    /// Zone of schedules and windows whose profile names none.
    pub time_zone: Text<ZoneName>,
    /// How often the content of the files is compared, or "off".
    pub watch: Text<Watch>,
    /// How long requests in flight may take after SIGTERM.
    pub shutdown_grace: Text<Length<true>>,
    /// How long runs are kept in the journal.
    pub retention: Text<Length<false>>,
}

/// A cache to warm. Limits, budget and ledger are the cache's.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// Gets ranged HEADs. Scheme, host and port.
    pub cache_url: Text<SiteUrl>,
    /// Gets LISTs and small GETs; the cache_url where it is left out.
    pub list_url: Text<SiteUrl>,
    /// How a bucket is named in a request: in the host, or in the path.
    pub addressing: Text<Addressing>,
    /// What requests are signed for.
    pub region: Text<Region>,
    /// Regions of buckets, by glob; others are learned from the store.
    pub bucket_regions: Option<At<BTreeMap<String, Typed<Region>>>>,
    /// Name of a `[credentials]` table; the usual AWS chain where it is left out.
    pub credentials: Text<Name>,
    /// What differs for list_url.
    pub list: Option<At<ListSite>>,
    /// HEADs in flight at first.
    #[schemars(schema_with = "count::<1, 100_000>")]
    pub start_in_flight: Number<u32>,
    /// HEADs in flight at most.
    #[schemars(schema_with = "count::<1, 100_000>")]
    pub max_in_flight: Number<u32>,
    /// Bytes being filled at most.
    pub max_in_flight_bytes: Text<Size<false>>,
    /// LISTs in flight at most, for all profiles together.
    #[schemars(schema_with = "count::<1, 10_000>")]
    pub list_in_flight: Number<u32>,
    /// Requests a second at most.
    #[schemars(schema_with = "count::<1, 1_000_000>")]
    pub max_requests_per_second: Number<u32>,
    /// How long connecting may take.
    pub connect_timeout: Text<Length<false>>,
    /// How long a request may take, beside the time for its bytes.
    pub base_timeout: Text<Length<false>>,
    /// Bytes a second that the whole cache fills at least.
    pub min_fill_rate: Text<Rate>,
    /// Sends of a request after the first.
    #[schemars(schema_with = "count::<0, 100>")]
    pub retries: Number<u32>,
    /// How long a silent endpoint is waited for.
    pub outage_wait: Text<Length<false>>,
    /// Bytes the cache holds: for shares, and to distrust old ledger entries.
    pub capacity: Text<Size<false>>,
    /// Bytes that the unpaused profiles may ask for together.
    pub budget: Text<Size<false>>,
    /// Dollars per GiB-month, for estimates.
    pub prices: Option<At<Prices>>,
}

/// What differs for list_url.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListSite {
    /// How a bucket is named in a request.
    pub addressing: Text<Addressing>,
    /// What requests are signed for.
    pub region: Text<Region>,
    /// Name of a `[credentials]` table.
    pub credentials: Text<Name>,
}

/// Dollars per GiB-month.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Read within 7 days.
    #[schemars(schema_with = "price")]
    pub hot: At<f64>,
    /// Read within 30 days.
    #[schemars(schema_with = "price")]
    pub warm: At<f64>,
    /// Not read for 30 days.
    #[schemars(schema_with = "price")]
    pub cold: At<f64>,
}

/// Where keys come from: a profile of the AWS files, or mounted files.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Credentials {
    /// A profile of the shared AWS files; beats keys in the environment.
    pub aws_profile: Text<AwsProfile>,
    /// File with the access key id, read again when its content changes.
    pub access_key_id_file: Text<SecretPath>,
    /// File with the secret access key, read again when its content changes.
    pub secret_access_key_file: Text<SecretPath>,
    /// File with the session token of temporary keys.
    pub session_token_file: Text<SecretPath>,
    /// The only buckets these keys are used for, by glob.
    pub buckets: Texts<Buckets>,
}

/// What the files of a team may hold and reach.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Files and folders of *.toml, beside this file, that hold profiles of the team and nothing else.
    pub profiles: At<Vec<Typed<TeamFiles>>>,
    /// Names of the `[endpoint]` tables that its profiles may warm; where there is one, it is their default.
    pub endpoints: At<Vec<Typed<Name>>>,
    /// Names of the `[credentials]` tables that its profiles may name; the first is their default.
    pub credentials: Texts<Name>,
    /// The only buckets its profiles may speak of, by glob.
    pub buckets: At<Vec<Typed<Buckets>>>,
    /// Bytes that its unpaused profiles may ask for together.
    pub budget: Typed<Size<false>>,
    /// The highest priority of its profiles.
    #[serde(default)]
    #[schemars(schema_with = "count::<{ -1_000_000 }, 1_000_000>")]
    pub max_priority: Number<i64>,
    /// File with a bearer token that may only start runs of its profiles.
    pub run_token_file: Text<SecretPath>,
}

/// What to keep hot, when, and how much of it.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Name of an `[endpoint]` table; may be left out where there is one.
    pub endpoint: Text<Name>,
    /// Name of a `[credentials]` table, in place of the endpoint's.
    pub credentials: Text<Name>,
    /// Patterns s3://BUCKET-GLOB/KEY-GLOB; an object matches if one does.
    pub objects: Texts<Objects>,
    /// A list of objects in place of a listing, JSON Lines, also gzip: file:PATH, beside this file, or s3://BUCKET/KEY.
    pub manifest: Text<Manifest>,
    /// Patterns of objects to leave out.
    pub exclude: Texts<Objects>,
    /// Leave out what was last modified longer ago.
    pub newer_than: Text<Length<false>>,
    /// Leave out what was last modified more recently.
    pub older_than: Text<Length<false>>,
    /// Leave out smaller objects.
    pub min_size: Text<Size<true>>,
    /// Leave out larger objects.
    pub max_size: Text<Size<false>>,
    /// Keep at most so many objects, first in `order`.
    #[schemars(schema_with = "count::<1, { i64::MAX }>")]
    pub max_objects: Number<u64>,
    /// Keep at most so many bytes, first in `order`; or "unlimited".
    pub max_bytes: Text<ByteCap>,
    /// What happens when `max_bytes` cuts something that is wanted: the rest is warmed, or nothing.
    pub on_excess: Text<OnExcess>,
    /// What a cap keeps.
    pub order: Text<Order>,
    /// Which checkpoints to keep, and what makes one complete.
    pub checkpoint: Option<At<Checkpoint>>,
    /// Storage classes to warm.
    pub storage_classes: Texts<StorageClass>,
    /// Whether it is fine that nothing matches.
    pub allow_empty: Flag,
    /// The share of objects and of bytes that makes a run complete.
    pub min_warm: Text<Percent>,
    /// When to run: 5 or 6 cron fields, @daily, "@every 10m"; or a list of these.
    #[schemars(schema_with = "one_or_many::<Cron>")]
    pub schedule: Texts<Cron>,
    /// Zone of schedule and window.
    pub time_zone: Text<ZoneName>,
    /// Nothing starts by itself outside it: "Mon-Fri 01:00-06:00".
    pub window: Text<WindowText>,
    /// Fires are spread over so much time, the same for a profile every time.
    pub jitter: Text<Length<true>>,
    /// What becomes of fires that passed without the daemon.
    pub on_missed: Text<OnMissed>,
    /// What a fire does while the profile runs.
    pub on_overlap: Text<OnOverlap>,
    /// When a reload starts a run at once.
    pub on_reload: Text<OnReload>,
    /// When a start of the daemon starts a run at once.
    pub on_start: Text<OnStart>,
    /// How long an object counts as warm.
    pub rewarm_after: Text<Length<true>>,
    /// How long a run may take.
    pub deadline: Text<Length<false>>,
    /// Higher goes first.
    #[schemars(schema_with = "count::<{ -1_000_000 }, 1_000_000>")]
    pub priority: Number<i64>,
    /// Whether it runs only when asked to.
    pub paused: Flag,
}

/// Which checkpoints to keep, and what makes one complete.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// How the framework lays its checkpoints out.
    pub layout: Typed<Layout>,
    /// Regular expression over keys with the capture `step`, and `run` where there are several.
    pub group: Text<Group>,
    /// Globs below the group, each of which must match a member.
    pub require: Texts<Members>,
    /// Globs below the group, none of which may match a member.
    pub forbid: Texts<Members>,
    /// How many members: "any", "as-previous", "like-previous", or at least a number.
    #[serde(default)]
    #[schemars(schema_with = "member_count")]
    pub count: Option<At<MemberCount>>,
    /// Name of the file beside the groups that names the newest.
    pub pointer: Text<Pointer>,
    /// What an object beside a group is called, behind the group's own name, while it is being written.
    pub unfinished: Text<Suffix>,
    /// How long a group must have been quiet.
    pub settle: Text<Length<true>>,
    /// Drop runs whose newest object is older.
    pub active_within: Text<Length<false>>,
    /// All members, or the weights only.
    pub parts: Text<Parts>,
    /// How many of the newest complete checkpoints of every run.
    #[serde(default)]
    #[schemars(schema_with = "count::<1, 100_000>")]
    pub keep: Number<usize>,
    /// What happens when the newest is not complete.
    pub on_incomplete: Text<OnIncomplete>,
}

/// A count, or a word that stands for one. The walk has seen to its type, so that no error of an untagged enum is lost.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum MemberCount {
    AtLeast(u64),
    Word(String),
}

/// Kept as typed: it needs the profile's zone.
pub struct WindowText;

impl Kind for WindowText {
    type Value = String;
    const EXAMPLE: &'static str = "Mon-Fri 01:00-06:00";

    fn parse(text: &str) -> Result<String, TextError> {
        Ok(text.to_owned())
    }
}

fn count<const MIN: i64, const MAX: i64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
}

fn named<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<T>();
    json_schema!({ "type": "object", "patternProperties": { name::PATTERN: table }, "additionalProperties": false })
}

/// A list, or one value, which the walk makes a list of one.
fn one_or_many<K: Kind>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Typed::<K>::json_schema(generator);
    let item = schema.clone().to_value();
    schema.insert("type".to_owned(), json!(["string", "array"]));
    schema.insert("items".to_owned(), item);
    schema
}

fn price(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number", "minimum": 0 })
}

fn member_count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer"], "minimum": 1, "examples": ["as-previous"] })
}
