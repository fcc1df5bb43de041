//! Reads the bytes of a request head as they pass and finds what hyper forgives (WIRE: framing rules).
//!
//! Request smuggling lives on disagreement about where a request ends. hyper repairs some of these heads silently (it
//! lets `Transfer-Encoding` win over `Content-Length`, drops an equal second length, takes a bare line feed for a line
//! end), so a proxy in front of it may have read another request. Here they are faults, and the connection is closed.

/// What is wrong with a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadFault {
    /// A line feed without a carriage return, or the other way round.
    #[error("bare carriage return or line feed in the request head")]
    BareLineEnd,
    /// A header line that goes on in the next line.
    #[error("folded header line")]
    Folded,
    /// More than one `content-length` or `transfer-encoding`, or both.
    #[error("request body framed more than once")]
    Framing,
    /// The head arrived while the answer to the one before was not sent yet.
    #[error("pipelined request")]
    Pipelined,
}

/// Scans one head, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    name: [u8; LONGEST_NAME],
    name_len: usize,
    /// Bytes of the current line, its end not counted.
    line_len: usize,
    /// Lines read so far that were not empty; the first is the request line.
    lines: usize,
    in_name: bool,
    after_cr: bool,
    framings: usize,
    fault: Option<HeadFault>,
    is_complete: bool,
}

impl HeadScan {
    /// Takes the next bytes of the connection; those after the head are of no interest.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.is_complete {
                return;
            }
            self.step(byte);
        }
    }

    /// The verdict, once hyper has the whole head.
    pub(crate) fn verdict(&self) -> Result<(), HeadFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if !self.is_complete => Err(HeadFault::Pipelined),
            None if self.framings > 1 => Err(HeadFault::Framing),
            None => Ok(()),
        }
    }

    fn step(&mut self, byte: u8) {
        if self.after_cr && byte != b'\n' {
            self.fault = Some(HeadFault::BareLineEnd);
        }
        match byte {
            b'\n' => {
                if !self.after_cr {
                    self.fault = Some(HeadFault::BareLineEnd);
                }
                self.end_line();
            }
            b'\r' => {}
            _ => self.take(byte),
        }
        self.after_cr = byte == b'\r';
    }

    fn take(&mut self, byte: u8) {
        if self.line_len == 0 {
            self.in_name = true;
            self.name_len = 0;
            if self.lines > 0 && matches!(byte, b' ' | b'\t') {
                self.fault = Some(HeadFault::Folded);
            }
        }
        self.line_len += 1;
        if !self.in_name {
            return;
        }
        if byte == b':' {
            self.in_name = false;
            let is_framing =
                self.name.get(..self.name_len).is_some_and(|name| FRAMING_NAMES.contains(&name));
            if self.lines > 0 && is_framing {
                self.framings += 1;
            }
        } else if let Some(slot) = self.name.get_mut(self.name_len) {
            *slot = byte.to_ascii_lowercase();
            self.name_len += 1;
        } else {
            self.in_name = false;
        }
    }

    fn end_line(&mut self) {
        if self.line_len > 0 {
            self.lines += 1;
        } else if self.lines > 0 {
            self.is_complete = true;
        }
        self.line_len = 0;
    }
}

const FRAMING_NAMES: [&[u8]; 2] = [b"content-length", b"transfer-encoding"];
const LONGEST_NAME: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(head: &str) -> Result<(), HeadFault> {
        let mut whole = HeadScan::default();
        whole.feed(head.as_bytes());
        let mut bytewise = HeadScan::default();
        for byte in head.bytes() {
            bytewise.feed(&[byte]);
        }
        assert_eq!(whole.verdict(), bytewise.verdict(), "pieces must not matter: {head:?}");
        whole.verdict()
    }

    #[test]
    fn honest_heads_pass() {
        for head in [
            "GET /v1/capabilities HTTP/1.1\r\nhost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "GET /content-length:transfer-encoding: HTTP/1.1\r\nhost: a\r\nx-content-length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\nx: content-length: 1, transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert_eq!(verdict(head), Ok(()), "{head:?}");
        }
    }

    #[test]
    fn heads_that_two_readers_may_read_differently_are_faults() {
        for (head, fault) in [
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                HeadFault::Framing,
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 3\r\n\r\n",
                HeadFault::Framing,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
                HeadFault::Framing,
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                HeadFault::Framing,
            ),
            ("POST / HTTP/1.1\nhost: a\n\n", HeadFault::BareLineEnd),
            ("POST / HTTP/1.1\r\nx: a\rb\r\n\r\n", HeadFault::BareLineEnd),
            ("POST / HTTP/1.1\r\nx: a\r\n b\r\n\r\n", HeadFault::Folded),
            ("POST / HTTP/1.1\r\nx: a", HeadFault::Pipelined),
        ] {
            assert_eq!(verdict(head), Err(fault), "{head:?}");
        }
    }

    #[test]
    fn what_follows_the_head_is_not_looked_at() {
        assert_eq!(verdict("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n\n\n a\rb: c\n"), Ok(()));
    }
}
