//! The folder in which a playbook lies: the one place where authoring touches the disk.

use std::path::Path;

use super::mistake::Mistake;
use super::source::SourceFile;

/// The kinds of files that are read in the folder itself and in `scenarios`, and in `mail`; all others are somebody's own
/// affair.
const KINDS: [&str; 2] = ["yaml", "yml"];
const MAIL_KINDS: [&str; 3] = ["md", "markdown", "mjml"];
/// The kinds that nobody puts into a folder of a playbook but to have them read.
const LOST_KINDS: [&str; 3] = ["yaml", "yml", "md"];
/// How deep such files are looked for.
const DEEPEST: usize = 4;

/// The files of a folder, those too that do not belong there. A file that cannot be read is reported.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn read(folder: &Path, mistakes: &mut Vec<Mistake>) -> Result<Vec<SourceFile>, Mistake> {
    let mut files = Vec::new();
    take(folder, "", &KINDS, &mut files, mistakes)?;
    for (name, kinds) in [("scenarios", KINDS.as_slice()), ("mail", &MAIL_KINDS)] {
        let inner = folder.join(name);
        if inner.is_dir() {
            take(&inner, &format!("{name}/"), kinds, &mut files, mistakes)?;
            lost(&inner, &format!("{name}/"), name, mistakes);
        }
    }
    Ok(files)
}

/// Reports files that look as if they belonged to the playbook and lie too deep to be read. `prefix` is where, with a slash.
fn lost(folder: &Path, prefix: &str, home: &str, mistakes: &mut Vec<Mistake>) {
    // What cannot be listed holds nothing that anybody could expect to be read.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let place = format!("{prefix}{name}");
        // A link may lead round in a circle.
        if name.starts_with('.') || path.is_symlink() {
            continue;
        }
        if path.is_dir() && place.matches('/').count() <= DEEPEST {
            lost(&path, &format!("{place}/"), home, mistakes);
        } else if prefix != format!("{home}/") && is_of(&path, &LOST_KINDS) {
            let remedy = format!("move it to {home}/{name}: folders within {home} are not read");
            mistakes.push(Mistake::whole(&place, "this file lies too deep to be read", remedy));
        }
    }
}

/// Whether a file's name ends as one of these kinds does.
fn is_of(path: &Path, kinds: &[&str]) -> bool {
    path.extension().is_some_and(|end| kinds.iter().any(|kind| end.eq_ignore_ascii_case(kind)))
}

fn take(
    folder: &Path,
    prefix: &str,
    kinds: &[&str],
    files: &mut Vec<SourceFile>,
    mistakes: &mut Vec<Mistake>,
) -> Result<(), Mistake> {
    let unreadable = |name: &str, error: &std::io::Error| {
        Mistake::whole(name, format!("it cannot be read: {error}"), "see that it exists and that you may read it")
    };
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(prefix, &error))?.flatten() {
        let (name, path) = (format!("{prefix}{}", entry.file_name().to_string_lossy()), entry.path());
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_of(&path, kinds) || hidden || path.is_dir() {
            continue;
        }
        match std::fs::read(&path) {
            Ok(bytes) => files.push(SourceFile { name, bytes }),
            Err(error) => mistakes.push(unreadable(&name, &error)),
        }
    }
    Ok(())
}
