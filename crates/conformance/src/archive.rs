//! A gzip-compressed tar archive of one file, for data packages (§11.14). It is written without a library because
//! nothing else needs one.

/// The archive with one regular file, stored without compression.
pub(crate) fn tgz(name: &str, content: &[u8]) -> Vec<u8> {
    gzip(&tar(name, content))
}

/// POSIX ustar: a header of 512 bytes, the content padded to blocks, two empty blocks.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 512;
    let size = format!("{:011o}\0", content.len());
    let fields: [(usize, &[u8]); 8] = [
        (0, name.as_bytes()),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, size.as_bytes()),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    let mut header = vec![0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    for (at, bytes) in fields {
        put(at, bytes);
    }
    put(148, b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (place, byte) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *place = byte;
    }
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    header
}

/// RFC 1952, with stored blocks.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    const LARGEST: usize = 0xffff;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let last = bytes.len().div_ceil(LARGEST).max(1) - 1;
    for (number, block) in bytes.chunks(LARGEST).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(number == last));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(bytes).to_le_bytes());
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn tar_reads_what_was_packed() {
        let content = b"USER PIN=7\tName=Ada\n".repeat(5_000);
        let mut tar = Command::new("tar");
        tar.args(["-xzOf", "-", "records.txt"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = tar.spawn().unwrap();
        let packed = tgz("records.txt", &content);
        let mut input = running.stdin.take().unwrap();
        let writing = std::thread::spawn(move || input.write_all(&packed).unwrap());
        let output = running.wait_with_output().unwrap();
        writing.join().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, content);
    }
}
