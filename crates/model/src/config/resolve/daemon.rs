//! Resolves `[daemon]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::config::context::{Bad, Context};
use crate::config::daemon::Daemon;
use crate::config::raw;
use crate::config::reader::{Layer, Reader, Section, value};

const DAY: Duration = Duration::from_hours(24);

pub(super) fn resolve(
    layer: Option<&Layer<'_, raw::Daemon>>,
    cx: &mut Context,
    sections: &mut Vec<Section>,
) -> Result<Daemon, Bad> {
    let broken = cx.is_broken("daemon");
    let mut reader = Reader::new(cx, "daemon".to_owned(), layer.cloned().into_iter().collect());
    let daemon = read(&mut reader);
    sections.push(reader.into_section());
    if broken { Err(Bad) } else { daemon }
}

fn read(r: &mut Reader<'_, '_, raw::Daemon>) -> Result<Daemon, Bad> {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 9464));
    let listen = r.text_or("listen", |d| d.listen.as_ref(), Some(here));
    let token_file = r.text("token_file", |d| d.token_file.as_ref());
    let run_token_file = r.text("run_token_file", |d| d.run_token_file.as_ref());
    if let (Ok(Some(full)), Ok(Some(run))) = (&token_file, &run_token_file)
        && full.value == run.value
    {
        let error = run.error("is the file of daemon.token_file, too, so whoever has this token has that one", "");
        return Err(r.fail(error.help("give each token a file of its own")));
    }
    let state_dir = r.text("state_dir", |d| d.state_dir.as_ref());
    let time_zone = super::zone::find_or_utc(r);
    let watch = r.text_or("watch", |d| d.watch.as_ref(), None);
    let shutdown_grace = r.text_or("shutdown_grace", |d| d.shutdown_grace.as_ref(), Duration::from_secs(30));
    let retention = r.text_or("retention", |d| d.retention.as_ref(), 90 * DAY);
    Ok(Daemon {
        listen: listen?,
        token_file: value(token_file)?,
        run_token_file: value(run_token_file)?,
        state_dir: value(state_dir)?,
        time_zone: time_zone?,
        watch: watch?,
        shutdown_grace: shutdown_grace?,
        retention: retention?,
    })
}
