//! The folder in which a playbook lies: the one place where authoring touches the disk.

use std::path::Path;

use super::mistake::Mistake;
use super::source::SourceFile;

/// The kinds of files that are read in the folder itself and in `scenarios`, and in `mail`; all others are somebody's own
/// affair.
const KINDS: [&str; 2] = ["yaml", "yml"];
const MAIL_KINDS: [&str; 3] = ["md", "markdown", "mjml"];

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
        }
    }
    Ok(files)
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
        let kind = path.extension().is_some_and(|end| kinds.iter().any(|kind| end.eq_ignore_ascii_case(kind)));
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !kind || hidden || path.is_dir() {
            continue;
        }
        match std::fs::read(&path) {
            Ok(bytes) => files.push(SourceFile { name, bytes }),
            Err(error) => mistakes.push(unreadable(&name, &error)),
        }
    }
    Ok(())
}
