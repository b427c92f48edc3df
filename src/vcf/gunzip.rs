//! Gzip with any number of members, and BGZF with its promises checked.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Counts what is consumed, so that a BGZF block's stated size can be compared with its real one.
struct Tally<R> {
    inner: R,
    consumed: u64,
}

impl<R: BufRead> Read for Tally<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.consumed += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Tally<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount as u64;
        self.inner.consume(amount);
    }
}

enum State<R> {
    Between(Tally<R>),
    Inside { decoder: Box<GzDecoder<Tally<R>>>, start: u64, written: u64 },
    Ended,
}

/// Decompresses member after member.
///
/// Each member's checksum and length are verified, a BGZF block must be as long as its header says, a BGZF file must
/// end with the empty block that marks its end, and whatever follows the last member must be another member.
pub(super) struct Gunzip<R> {
    state: State<R>,
    members: u64,
    bgzf: bool,
    last_was_end_block: bool,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { state: State::Between(Tally { inner, consumed: 0 }), members: 0, bgzf: false, last_was_end_block: false }
    }

    fn member_ended(&mut self, decoder: GzDecoder<Tally<R>>, start: u64, written: u64) -> io::Result<()> {
        let stated = decoder.header().and_then(|header| header.extra()).and_then(block_size);
        let inner = decoder.into_inner();
        let length = inner.consumed - start;
        if self.members == 0 {
            self.bgzf = stated.is_some();
        }
        self.members += 1;
        self.last_was_end_block = stated.is_some() && written == 0;
        if let Some(stated) = stated
            && stated != length
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("BGZF block {} says it has {stated} bytes and has {length}", self.members),
            ));
        }
        self.state = State::Between(inner);
        Ok(())
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(mut inner) => {
                    let next = inner.fill_buf()?;
                    if next.is_empty() {
                        if self.bgzf && !self.last_was_end_block {
                            return Err(io::Error::new(
                                io::ErrorKind::UnexpectedEof,
                                "the empty block that ends every bgzip file is missing",
                            ));
                        }
                        return Ok(0);
                    }
                    if next[0] != 0x1f || next.get(1).is_some_and(|&byte| byte != 0x8b) {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            format!("something that is not gzip follows after member {}", self.members),
                        ));
                    }
                    let start = inner.consumed;
                    self.state = State::Inside { decoder: Box::new(GzDecoder::new(inner)), start, written: 0 };
                }
                State::Inside { mut decoder, start, written } => {
                    let n = decoder.read(buffer)?;
                    if n == 0 {
                        self.member_ended(*decoder, start, written)?;
                    } else {
                        self.state = State::Inside { decoder, start, written: written + n as u64 };
                        return Ok(n);
                    }
                }
            }
        }
    }
}

/// Length of the whole BGZF block from the `BC` sub-field (SAM specification, section 4.1).
fn block_size(extra: &[u8]) -> Option<u64> {
    let mut rest = extra;
    while let [id1, id2, low, high, tail @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        if (*id1, *id2, length) == (b'B', b'C', 2) {
            let size = tail.get(..2)?;
            return Some(u64::from(u16::from_le_bytes([size[0], size[1]])) + 1);
        }
        rest = tail.get(length..)?;
    }
    None
}
