//! How commands run and speak.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;

/// Runs a command's future to its end.
///
/// # Errors
/// The future's own.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads can be started")?;
    runtime.block_on(future)
}

/// Writes a command's output.
///
/// # Errors
/// If it cannot be written.
pub fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("the output cannot be written"),
        _ => Ok(()),
    }
}

/// Has somebody agree, unless `yes` says that they have.
///
/// # Errors
/// If they do not, or nobody sits at a terminal.
pub fn agreed(yes: bool, question: &str) -> anyhow::Result<()> {
    if !yes && !confirmed(question)? {
        anyhow::bail!("nothing was changed");
    }
    Ok(())
}

/// That a command which asks is not asked for JSON: a question would stand in the midst of it. `free` says that it asks
/// nothing.
///
/// # Errors
/// If it would ask.
pub fn asks_no_program(json: bool, free: bool, remedy: &str) -> anyhow::Result<()> {
    if json && !free {
        anyhow::bail!("--json asks nothing: give {remedy} beside it");
    }
    Ok(())
}

/// Asks at the terminal; anything but yes is no.
///
/// # Errors
/// If nobody sits at one.
pub fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        anyhow::bail!("nobody is asked where there is no terminal: give --yes");
    }
    write(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
