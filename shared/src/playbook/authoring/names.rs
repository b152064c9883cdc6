//! The names that the files give, and the check of those they use.

use std::collections::{BTreeMap, BTreeSet};

use super::mistake::{Mistake, quoted};
use super::near::{listed, nearest};
use super::place::Place;
use super::scenario::Script;

/// The names of one kind.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    names: Vec<&'a str>,
    /// Whether these are all. If not, because a file or a name cannot be read, no use is called a mistake.
    all: bool,
}

impl<'a> Known<'a> {
    /// The names that stand at these places.
    pub(super) fn at(places: impl Iterator<Item = Place<'a>>) -> Self {
        let texts: Vec<Option<&str>> = places.map(Place::text).collect();
        Self { all: texts.iter().all(Option::is_some), names: texts.into_iter().flatten().collect() }
    }

    /// These names, which are all.
    pub(super) fn these(names: impl Iterator<Item = &'a str>) -> Self {
        Self { names: names.collect(), all: true }
    }

    /// All of these together.
    pub(super) fn of_all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::these(std::iter::empty()), |mut all, part| {
            all.names.extend(part.names);
            Self { all: all.all && part.all, ..all }
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Whether there surely is no such name.
    pub(super) fn lacks(&self, name: &str) -> bool {
        self.all && !self.has(name)
    }

    /// What to do about a name that there is not; `home` is where such names are given.
    pub(super) fn remedy(&self, name: &str, home: &str) -> String {
        match nearest(name, self.names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? These names are given {home}"),
            None if self.names.is_empty() => format!("give it {home}; there is none yet"),
            None => format!("give it {home}, or use one of: {}", listed(self.names.iter().copied())),
        }
    }
}

/// What the files name, for the checks across files.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    pub(super) pages: Known<'a>,
    pub(super) forms: Known<'a>,
    /// The forms themselves.
    pub(super) form_names: Known<'a>,
    pub(super) segments: Known<'a>,
    pub(super) topics: Known<'a>,
    /// The mails that scenarios may send.
    pub(super) mails: Known<'a>,
    /// The mails with which scenarios ask a question.
    pub(super) asking: Known<'a>,
    /// The attributes that rules, segments and scenarios ask for or set.
    pub(super) attributes: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    /// Collects them; a file that cannot be read has no place.
    pub(super) fn of([setup, scoring, segments]: [Option<Place<'a>>; 3], scripts: &'a [Script<'a>], mails: Known<'a>) -> Self {
        let scenarios = || scripts.iter().filter_map(Script::place);
        let classes = |list: &str| {
            // In an empty file, or with a slip in the list's own name, it only looks as if there were no classes.
            let mut keys = setup.into_iter().flat_map(Place::entries).map(|(key, _)| key).peekable();
            let told = keys.peek().is_some() && !keys.any(|key| key != list && nearest(key, [list]).is_some());
            let setup = setup.filter(|_| told);
            setup.map(|setup| Known::at(setup.key(list).items().map(|item| item.key("class")))).unwrap_or_default()
        };
        let forms = classes("forms");
        let form_names =
            setup.into_iter().flat_map(|setup| setup.key("forms").items()).flat_map(|class| class.key("forms").items());
        let form_names = Known::at(form_names);
        let asking = Known::of_all(scripts.iter().map(Script::asking));
        Self {
            pages: classes("pages"),
            form_names: Known { all: forms.all && form_names.all, ..form_names },
            forms,
            asking: Known { all: asking.all && asking.names.iter().all(|name| mails.has(name)), ..asking },
            mails,
            topics: setup
                .map(|setup| Known::at(setup.key("mail").key("topics").items().map(|topic| topic.key("id"))))
                .unwrap_or_default(),
            attributes: scoring
                .into_iter()
                .chain(segments)
                .chain(scenarios())
                .flat_map(attributes)
                .filter_map(Place::text)
                .collect(),
            segments: segments.map(|segments| Known::these(segments.entries().map(|(name, _)| name))).unwrap_or_default(),
        }
    }
}

/// Where attributes are named for which conditions ask, and which steps set, anywhere below a place.
pub(super) fn attributes(place: Place<'_>) -> Vec<Place<'_>> {
    let below = place.entries().map(|(_, value)| value).chain(place.items());
    let attribute = place.key("attribute");
    let own = [attribute.key("name"), attribute].into_iter().find(|named| named.text().is_some());
    own.into_iter().chain(below.flat_map(attributes)).collect()
}

/// Reports names that are given twice. `kind` is what they name, in the singular.
pub(super) fn each_once<'a>(places: impl Iterator<Item = Place<'a>>, kind: &str, mistakes: &mut Vec<Mistake>) {
    let mut first: BTreeMap<String, Place<'a>> = BTreeMap::new();
    for place in places {
        let Some(name) = place.text() else { continue };
        match first.get(&name.to_lowercase()) {
            Some(earlier) => {
                let what = format!("{} is used for a second {kind}", quoted(name));
                mistakes.push(
                    place.mistake(
                        what,
                        format!("line {} has it already: choose another, or put the two together", earlier.line()),
                    ),
                );
            }
            None => drop(first.insert(name.to_lowercase(), place)),
        }
    }
}
