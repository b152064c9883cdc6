//! A playbook's files packed into one piece, as they are kept beside the version made of them.

use std::io::{self, Read};

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

use super::source::{MAX_BYTES, SourceFile};
use crate::id::derive;

/// Packs files: each with its name's and its own length before it, compressed together.
#[must_use]
pub fn pack(files: &[SourceFile]) -> Vec<u8> {
    let mut plain = Vec::new();
    for part in files.iter().flat_map(|file| [file.name.as_bytes(), &file.bytes]) {
        plain.extend((part.len() as u64).to_be_bytes());
        plain.extend(part);
    }
    let mut packed = Vec::new();
    // Reading and compressing what lies in memory does not fail.
    let _length = DeflateEncoder::new(plain.as_slice(), Compression::default()).read_to_end(&mut packed);
    packed
}

/// The files of a piece.
///
/// # Errors
/// If it is none that [`pack`] has made.
pub fn unpack(packed: &[u8]) -> io::Result<Vec<SourceFile>> {
    let mut plain = DeflateDecoder::new(packed);
    let mut files = Vec::new();
    while let Some(name) = part(&mut plain)? {
        let name = String::from_utf8(name).map_err(io::Error::other)?;
        let bytes = part(&mut plain)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        files.push(SourceFile { name, bytes });
    }
    Ok(files)
}

fn part(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    if from.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let length = usize::try_from(u64::from_be_bytes(length)).ok().filter(|length| *length <= MAX_BYTES);
    let mut bytes = vec![0; length.ok_or_else(|| io::Error::other("a file that long is none of a playbook's"))?];
    from.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// The digest by which a file is known again.
#[must_use]
pub fn digest(file: &SourceFile) -> String {
    derive(&["file", &String::from_utf8_lossy(&file.bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were() {
        let files =
            [SourceFile::new("a.yaml", "道: 1\n".repeat(1000)), SourceFile::new("b.yaml", ""), SourceFile::new("c", [0, 255])];
        let packed = pack(&files);
        assert!(packed.len() < 300, "{} bytes", packed.len());
        assert_eq!(unpack(&packed).unwrap(), files);
        assert_eq!(unpack(&pack(&[])).unwrap(), []);
    }

    #[test]
    fn what_is_no_piece_is_refused() {
        assert!(unpack(b"something else").is_err());
        let packed = pack(&[SourceFile::new("a.yaml", "text")]);
        assert!(unpack(&packed[..packed.len() - 4]).is_err());
    }
}
