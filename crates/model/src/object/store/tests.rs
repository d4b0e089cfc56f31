use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::object::{Count, ETag, Key, ObjectIndex};

const HASH: &str = "9b2cf535f27731c974343645a3985328";

fn object(key: impl Into<Vec<u8>>) -> Object {
    Object {
        bucket: Bucket::new("b"),
        key: Key::from_bytes(key.into()),
        size: 1,
        etag: None,
        last_modified: DateTime::UNIX_EPOCH,
        storage_class: None,
    }
}

fn etag(text: &str) -> Option<ETag> {
    Some(ETag(text.into()))
}

fn stored(objects: &[Object]) -> Store {
    let mut store = Store::default();
    objects.iter().for_each(|object| store.push(object.row()));
    store
}

fn all(store: &Store) -> Vec<Object> {
    let mut cursor = store.cursor();
    (0..store.len()).map(|place| cursor.read(place).unwrap().to_object()).collect()
}

/// Any bytes; short ones of few letters, so that beginnings and endings are shared; long ones that share nearly all.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let long = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..24));
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..1024),
        prop::collection::vec(prop::sample::select(b"ab/".to_vec()), 0..12),
        long.prop_map(|(letter, end)| [vec![letter & 1; 1000], end].concat()),
        Just(Vec::new()),
        Just(vec![0xff; 1024]),
    ]
}

fn any_etag() -> impl Strategy<Value = Option<ETag>> {
    let text = prop_oneof![
        "[0-9a-f]{32}",
        "[0-9a-f]{32}-[0-9]{1,11}",
        "[0-9a-fA-F]{31,33}(-[0-9+]{0,3})?",
        "\\PC{0,40}",
        "(W/)?\"[0-9a-f]{32}\"",
        Just(format!("{HASH}-0")),
        Just(format!("{HASH}-007")),
        Just(format!("{HASH}-+7")),
        Just(format!("{HASH}-4294967296")),
        Just(String::new()),
    ];
    prop::option::of(text.prop_map(|text| ETag(text.into_boxed_str())))
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    let seconds = prop_oneof![
        Just(1_800_000_000_i64),
        1_700_000_000..1_800_000_000_i64,
        DateTime::<Utc>::MIN_UTC.timestamp()..DateTime::<Utc>::MAX_UTC.timestamp()
    ];
    let nanos = prop_oneof![Just(0_u32), (0..1000_u32).prop_map(|ms| ms * 1_000_000), 0..1_000_000_000_u32];
    let time = (seconds, nanos).prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap());
    prop_oneof![time, Just(DateTime::from_timestamp(1_483_228_799, 1_500_000_000).unwrap())]
}

fn any_object() -> impl Strategy<Value = Object> {
    let size = prop_oneof![Just(1_u64 << 20), 0..9_u64, any::<u64>()];
    let bucket = prop::sample::select(vec!["b", "c", ""]);
    let class = prop::option::of(prop::sample::select(vec!["STANDARD", "GLACIER", ""]));
    (key(), size, any_etag(), time(), bucket, class).prop_map(|(key, size, etag, last_modified, bucket, class)| {
        Object {
            bucket: Bucket::new(bucket),
            size,
            etag,
            last_modified,
            storage_class: class.map(Arc::from),
            ..object(key)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_was_stored_comes_back(objects in prop::collection::vec(any_object(), 0..70), places in prop::collection::vec(any::<prop::sample::Index>(), 0..70)) {
        let store = stored(&objects);
        prop_assert_eq!(&all(&store), &objects);
        let mut cursor = store.cursor();
        for place in places.iter().filter(|_| !objects.is_empty()).map(|place| place.index(objects.len())) {
            prop_assert_eq!(&cursor.read(u32::try_from(place).unwrap()).unwrap().to_object(), &objects[place], "read at {}", place);
        }
        let in_order = objects.is_sorted_by_key(|object| (object.bucket.clone(), object.key.clone()));
        prop_assert_eq!(store.is_sorted(), in_order);
    }

    #[test]
    fn what_is_kept_moves_up_and_more_may_follow(objects in prop::collection::vec(any_object(), 0..70), kept in prop::collection::vec(any::<bool>(), 70), more in prop::collection::vec(any_object(), 0..20)) {
        let mut store = stored(&objects).retain(|place| kept[place as usize]);
        more.iter().for_each(|object| store.push(object.row()));
        let kept = objects.iter().zip(kept).filter_map(|(object, kept)| kept.then_some(object));
        prop_assert_eq!(all(&store), kept.chain(&more).cloned().collect::<Vec<_>>());
    }
}

#[test]
fn an_etag_is_the_text_that_it_was() {
    for (text, bytes) in [
        (HASH, 16),
        (&*format!("{HASH}-1"), 17),
        (&*format!("{HASH}-10000"), 18),
        (&*format!("{HASH}-4294967295"), 21),
        (&*format!("{HASH}-4294967296"), 44),
        (&*format!("{HASH}-01"), 36),
        (&*format!("{HASH}-"), 34),
        (&*HASH.to_uppercase(), 33),
        (&*format!("\"{HASH}\""), 35),
        (&*format!("W/{HASH}"), 35),
        ("é9b2cf535f27731c974343645a398532", 34),
        ("", 1),
    ] {
        let tagged = Object { etag: etag(text), ..object("k") };
        let mut packed = Vec::new();
        PackedETag::of(tagged.etag.as_ref().map(ETag::as_str)).write(&mut packed);
        assert_eq!(packed.len(), bytes, "{text}");
        assert_eq!(all(&stored(&[tagged.clone(), object("k"), tagged.clone()]))[2], tagged);
    }
}

#[test]
fn chunks_that_lose_nothing_or_all_are_not_written_again() {
    let objects: Vec<_> = (0..20_000).map(|n| object(format!("k/{n:06}"))).collect();
    for (name, kept) in [
        ("all", (0..20_000).collect::<Vec<u32>>()),
        ("none", Vec::new()),
        ("the last chunks", (8_192..20_000).collect()),
        ("the first chunks and a half", (0..10_000).collect()),
        ("every third", (0..20_000).step_by(3).collect()),
    ] {
        let store = stored(&objects).retain(|place| kept.binary_search(&place).is_ok());
        assert_eq!(store.len() as usize, kept.len(), "{name}");
        assert!(all(&store).into_iter().eq(kept.iter().map(|place| objects[*place as usize].clone())), "{name}");
        assert!(store.is_sorted(), "{name}");
    }
}

#[test]
fn a_roll_is_what_is_left_of_a_store_in_its_order() {
    let mut index: ObjectIndex = (0..9).map(|n| Object { size: n, ..object(format!("{n}")) }).collect();
    index.arrange(|_, places| places.reverse());
    index.retain(|n| n % 2 == 0);
    assert_eq!(index.iter().map(|object| object.key.to_string()).collect::<String>(), "86420");
    assert_eq!((index.count(), index.sizes(1..3).collect::<Vec<_>>()), (Count { objects: 5, bytes: 20 }, vec![6, 4]));
    assert_eq!(index.pop(), Some(Object { size: 0, ..object("0") }));
    assert_eq!((index.len(), index.get(0).map(|object| object.size), index.get(4)), (4, Some(8), None));
    assert_eq!(index.last().map(|object| object.size), Some(2));
}

/// As a listing of shards has them: sixty bytes of key, a hash, a time.
fn shards(count: u32) -> impl Iterator<Item = Object> {
    (0..count).map(|n| {
        let mixed = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let seconds = i64::try_from(mixed >> 70 & 0x1f_ffff).unwrap();
        Object {
            size: 1 << 20,
            etag: etag(&format!("{mixed:032x}")),
            last_modified: DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap(),
            ..object(format!("datasets/imagenet-webdataset-shuffled-train-set-{n:08}.tar"))
        }
    })
}

#[test]
fn an_object_takes_some_thirty_bytes() {
    let store = stored(&shards(100_000).collect::<Vec<_>>());
    let each = store.bytes() / 100_000;
    assert!(each <= 28, "{each} bytes an object");
}

/// A disk with room for so many files, and for so many bytes in each.
#[derive(Debug)]
struct Disk {
    files: AtomicUsize,
    room: usize,
}

#[derive(Debug)]
struct File {
    bytes: Mutex<Vec<u8>>,
    room: usize,
}

impl Disk {
    fn new(files: usize, room: usize) -> Arc<Self> {
        Arc::new(Self { files: files.into(), room })
    }
}

impl Spill for Disk {
    fn file(&self) -> io::Result<Arc<dyn SpillFile>> {
        let left = self.files.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
        Ok(Arc::new(File { bytes: Mutex::default(), room: self.room }))
    }
}

impl SpillFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut all = self.bytes.lock().unwrap();
        if all.len() + bytes.len() > self.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        all.extend_from_slice(bytes);
        Ok((all.len() - bytes.len()) as u64)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> bool {
        let (all, at) = (self.bytes.lock().unwrap(), usize::try_from(at).unwrap());
        all.get(at..at + into.len()).map(|bytes| into.copy_from_slice(bytes)).is_some()
    }
}

fn spilled(objects: &[Object], disk: Arc<Disk>, most: usize) -> Store {
    let mut store = Store::spilling(disk, Room::new(most));
    objects.iter().for_each(|object| store.push(object.row()));
    store
}

#[test]
fn what_is_spilled_is_read_as_if_it_were_in_memory_in_any_order() {
    let objects: Vec<_> = shards(30_000).collect();
    let store = spilled(&objects, Disk::new(1, usize::MAX), 100_000);
    assert!(store.bytes() < 350_000, "what is kept, the last chunk and where blocks start: {}", store.bytes());
    assert!(all(&store).iter().eq(&objects));
    let mut cursor = store.cursor();
    for place in (0..30_000_u32).map(|n| n.wrapping_mul(7_919) % 30_000).chain([15, 16, 17, 15, 15, 4_095, 4_096]) {
        assert_eq!(cursor.read(place).unwrap().to_object(), objects[place as usize], "read at {place}");
    }
}

#[test]
fn what_is_kept_of_a_spilled_store_is_spilled_again() {
    let objects: Vec<_> = shards(30_000).collect();
    let store = spilled(&objects, Disk::new(3, usize::MAX), 0);
    let kept = |place: u32| place < 9_000 || place.is_multiple_of(2);
    let mut store = store.retain(kept).retain(|place| place != 1);
    objects.iter().for_each(|object| store.push(object.row()));
    let left = (0..).zip(&objects).filter(|(place, _)| kept(*place) && *place != 1).map(|(_, object)| object);
    assert!(all(&store).iter().eq(left.chain(&objects)));
    assert!(store.bytes() < 300_000, "{}", store.bytes());
}

#[test]
fn what_cannot_be_put_away_stays_in_memory() {
    let objects: Vec<_> = shards(30_000).collect();
    for (name, disk) in [("no file can be made", Disk::new(0, 0)), ("it is soon full", Disk::new(1, 300_000))] {
        let store = spilled(&objects, disk, 0);
        assert!(all(&store).iter().eq(&objects), "{name}");
        assert!(store.bytes() > 400_000, "{name}: {}", store.bytes());
    }
}

/// A disk whose files forget all that is written to them.
#[derive(Debug)]
struct Forgetful;

impl Spill for Forgetful {
    fn file(&self) -> io::Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(Self))
    }
}

impl SpillFile for Forgetful {
    fn append(&self, _bytes: &[u8]) -> io::Result<u64> {
        Ok(0)
    }

    fn read(&self, _at: u64, _into: &mut [u8]) -> bool {
        false
    }
}

#[test]
fn what_cannot_be_read_any_more_is_not_taken_for_something_else() {
    let objects: Vec<_> = shards(5_000).collect();
    let store = || {
        let mut store = Store::spilling(Arc::new(Forgetful), Room::new(0));
        objects.iter().for_each(|object| store.push(object.row()));
        store
    };
    let places = |store: &Store| (0..store.len()).filter(|place| store.get(*place).is_some()).collect::<Vec<_>>();
    assert_eq!(places(&store()), (4_096..5_000).collect::<Vec<_>>(), "the last chunk is not full, and still in memory");
    let left = store().retain(|place| place % 2 == 0);
    assert_eq!(left.len(), 452, "of the others nothing is kept");
    let mut index = ObjectIndex::from(store().take_all());
    assert_eq!((index.len(), index.iter().count(), index.sizes(0..5_000).count()), (5_000, 0, 0));
    assert_eq!((index.get(0), index.last(), index.pop(), index.count()), (None, None, None, Count::default()));
}
