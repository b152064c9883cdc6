//! The folder in which a playbook lies: the one place where authoring touches the disk.

use std::path::Path;

use super::mistake::Mistake;
use super::source::SourceFile;

/// The YAML files of a folder, those too that do not belong there. A file that cannot be read is reported.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn read(folder: &Path, mistakes: &mut Vec<Mistake>) -> Result<Vec<SourceFile>, Mistake> {
    let unreadable = |name: &str, error: &std::io::Error| {
        Mistake::whole(name, format!("it cannot be read: {error}"), "see that it exists and that you may read it")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable("", &error))?.flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let yaml = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"));
        if !yaml || path.is_dir() {
            continue;
        }
        match std::fs::read(&path) {
            Ok(bytes) => files.push(SourceFile { name, bytes }),
            Err(error) => mistakes.push(unreadable(&name, &error)),
        }
    }
    Ok(files)
}
