//! The folder that `--data` names: one SQLite file with everything in it, and a lock, so that one suite uses it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A data folder, held for as long as this lives. A killed process lets go of it too.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, making it if need be.
    ///
    /// # Errors
    ///
    /// Says what is in the way and what to do: the folder cannot be made or written, or another process holds it.
    pub(super) fn take(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        // It may hold real leads: nobody else on this machine reads it.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).with_context(|| format!("the data folder {shown} cannot be made; name another one with --data"))?;
        let lock = path.join("lock");
        let mut lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(lock).with_context(|| {
            format!("the data folder {shown} cannot be written; make it writable for you, or name another one with --data")
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _unreadable = lock.read_to_string(&mut holder);
                bail!(
                    "the data folder {shown} is in use by another michi (process {}); stop that one, or name another folder with --data",
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).context(format!("the data folder {shown} cannot be locked")),
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("michi.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_holds_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let held = Folder::take(&path).unwrap();
        let error = Folder::take(&path).unwrap_err().to_string();
        assert!(error.contains("in use by another michi") && error.contains(&std::process::id().to_string()), "{error}");
        drop(held);
        Folder::take(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_a_folder_says_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::take(file.path()).unwrap_err().to_string();
        assert!(error.contains("cannot be made; name another one with --data"), "{error}");
    }
}
