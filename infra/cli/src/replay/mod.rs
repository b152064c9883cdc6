//! `michi replay`: what michi would have said about a site's past, from the access log of its web server.
//!
//! Each page in the log becomes the message that the snippet would have sent, read and packed by `track`'s own code at
//! the moment the log names; then the same fold as ever looks at each visitor. A log knows less than the snippet:
//! no engaged time, no clicks, no forms, so nobody becomes a lead here; and a visitor is no more than an address with a
//! user agent. The logs of all visitors are held in memory until the end.

mod asked;
mod line;
mod report;
mod trail;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use michi::io::KeyRing;
use michi::playbook::{Playbook, authoring};
use michi::verdict::Signals;

pub use asked::NoPage;
use asked::{Asked, asked};
use line::Line;
pub use report::{Doubtful, Hot, Reason, Report, Robots, Why};
use trail::{Site, Trail};

/// What `michi replay` is given.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Access logs in combined format; those that gzip has compressed, too.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder of the playbook to score by; without it, the default one.
    #[arg(long, value_name = "DIR")]
    playbook: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Name visitors by their addresses, which are personal data, not only by a short hash.
    #[arg(long)]
    show_addresses: bool,
}

/// Runs `michi replay`.
///
/// # Errors
/// Says what is wrong with the playbook, or which file cannot be read.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let playbook = match &args.playbook {
        Some(folder) => authoring::load(folder),
        None => authoring::default_playbook(),
    };
    let playbook = playbook.map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let report = replay(&args.files, &playbook, args.show_addresses)?;
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("the report cannot be written"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Replays files under a playbook. While it works, a terminal shows how far it is.
///
/// # Errors
/// Names the file that cannot be read.
pub fn replay(files: &[PathBuf], playbook: &Playbook, show_addresses: bool) -> anyhow::Result<Report> {
    let size = files.iter().map(|file| file.metadata().map_or(0, |file| file.len())).sum();
    let style = "{bar:40} {percent}% of {total_bytes}, {eta} left";
    let progress = ProgressBar::new(size).with_style(ProgressStyle::with_template(style)?);
    let mut replay = Replay::of(playbook);
    for file in files {
        let named = || format!("{} cannot be read", file.display());
        let opened = File::open(file).with_context(named)?;
        replay.file(file, BufReader::with_capacity(1 << 16, progress.wrap_read(opened))).with_context(named)?;
    }
    progress.finish_and_clear();
    Ok(replay.report(show_addresses))
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
}

/// The most unreadable lines whose places are remembered.
const PLACES: usize = 1_000;

/// A log on its way into visitors.
struct Replay<'p> {
    playbook: &'p Playbook,
    site: Site,
    /// By address and user agent.
    trails: HashMap<String, Trail>,
    /// By user agent, of which there are far fewer than visitors.
    signals: HashMap<String, Signals>,
    no_page: BTreeMap<NoPage, u64>,
    lines: u64,
    requests: u64,
    robot_pages: u64,
    unreadable: u64,
    unreadable_places: Vec<Place>,
    times: Option<(Timestamp, Timestamp)>,
    files: u64,
    /// Reused for each line.
    name: String,
}

impl<'p> Replay<'p> {
    fn of(playbook: &'p Playbook) -> Self {
        let origin = playbook.setup.sites.first().map_or_else(String::new, |site| site.origin.clone());
        Self {
            playbook,
            site: Site { origin, keys: KeyRing::generate("a log holds no signatures") },
            trails: HashMap::new(),
            signals: HashMap::new(),
            no_page: BTreeMap::new(),
            lines: 0,
            requests: 0,
            robot_pages: 0,
            unreadable: 0,
            unreadable_places: Vec::new(),
            times: None,
            files: 0,
            name: String::new(),
        }
    }

    fn file(&mut self, path: &Path, mut content: impl BufRead) -> io::Result<()> {
        self.files += 1;
        if content.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            self.read(path, BufReader::with_capacity(1 << 16, MultiGzDecoder::new(content)))
        } else {
            self.read(path, content)
        }
    }

    fn read(&mut self, path: &Path, mut content: impl BufRead) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut number = 0;
        loop {
            bytes.clear();
            if content.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(());
            }
            number += 1;
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']);
            if text.is_empty() {
                continue;
            }
            self.lines += 1;
            match Line::parse(text) {
                Some(line) => self.request(number, &line),
                None => {
                    self.unreadable += 1;
                    if self.unreadable_places.len() < PLACES {
                        self.unreadable_places.push(Place { file: path.display().to_string(), line: number });
                    }
                }
            }
        }
    }

    fn request(&mut self, number: u64, line: &Line<'_>) {
        self.requests += 1;
        self.times = Some(self.times.map_or((line.at, line.at), |(first, last)| (first.min(line.at), last.max(line.at))));

        self.name.clear();
        self.name.push_str(line.address);
        self.name.push('\n');
        self.name.push_str(line.user_agent.unwrap_or_default());
        if !self.trails.contains_key(&self.name) {
            let user_agent = line.user_agent.unwrap_or_default();
            let signals = self.signals.entry(user_agent.to_owned()).or_insert_with(|| Signals::of(line.user_agent));
            self.trails.insert(self.name.clone(), Trail::of(line, signals.clone()));
        }
        let Some(trail) = self.trails.get_mut(&self.name) else { return };
        trail.requests += 1;

        // What a reason names as its activity is where to look in the log.
        let id = || format!("{}:{number}", self.files);
        let no_page = match asked(line) {
            Asked::Page | Asked::Download if !trail.is_human() => {
                self.robot_pages += 1;
                return;
            }
            Asked::Page => return trail.saw(&id(), line, &self.site),
            Asked::Download if trail.goes_on_downloading(line) => NoPage::Pieces,
            Asked::Download => return trail.downloaded(&id(), line, &self.site),
            Asked::Other(no_page) => no_page,
        };
        trail.parts += u64::from(no_page.belongs_to_a_page());
        trail.asked_for_robots_txt |= no_page == NoPage::RobotsTxt;
        *self.no_page.entry(no_page).or_default() += 1;
    }
}
