//! The file's bytes before they are decoded: decoding makes structures of some hundred bytes from messages of two, so that
//! their number is limited first.

use ostiary_core::MAX_FILE;

use super::LimitError;

/// The most messages and texts of a file.
const MAX_PARTS: usize = 200_000;
/// All that is neither a graph's structure nor the plain numbers of a tensor, bytes: names, comments, declared types,
/// numbers of varying length.
const MAX_LOOSE: usize = 8 << 20;
/// Graphs in attributes of nodes of graphs, and so on.
const MAX_DEPTH: usize = 12;

/// Whether a file can be decoded without needing much more memory than its own size. Bytes that are no protocol buffer
/// pass: the decoder refuses them.
///
/// # Errors
/// The file is too large, or consists of too many parts.
pub fn check(bytes: &[u8]) -> Result<(), LimitError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(LimitError::new("the file", format!("it is larger than {MAX_FILE} bytes")));
    }
    Outline::default().walk(Message::Model, bytes, 0)
}

/// The messages of ONNX that are looked into.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// Numbers of fixed length, which take in memory what they take in the file.
    Plain,
    /// All else.
    Loose,
}

impl Message {
    /// What a field of this message holds, by its number in onnx.proto.
    fn child(self, field: u64) -> Self {
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Node, 5) => Self::Attribute,
            // float_data, raw_data and double_data.
            (Self::Tensor, 4 | 9 | 10) => Self::Plain,
            _ => Self::Loose,
        }
    }
}

/// What was counted so far.
#[derive(Default)]
struct Outline {
    parts: usize,
    loose: usize,
}

impl Outline {
    fn walk(&mut self, message: Message, bytes: &[u8], depth: usize) -> Result<(), LimitError> {
        let too_much = |why: String| Err(LimitError::new("the file", why));
        if depth > MAX_DEPTH {
            return too_much("its graphs lie too deep in each other".into());
        }
        for (field, payload) in Fields(bytes) {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                return too_much(format!("it has more than {MAX_PARTS} parts"));
            }
            match message.child(field) {
                Message::Plain => {}
                Message::Loose => {
                    self.loose += payload.len();
                    if self.loose > MAX_LOOSE {
                        return too_much(format!(
                            "its names, comments and declarations are larger than {MAX_LOOSE} bytes"
                        ));
                    }
                }
                child => self.walk(child, payload, depth + 1)?,
            }
        }
        Ok(())
    }
}

/// The fields of a message that have a length: their number and content. Ends at what is no field.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = self.varint()?;
            match key & 7 {
                0 => self.varint().map(drop)?,
                1 => self.take(8).map(drop)?,
                2 => {
                    let length = self.varint()?;
                    return Some((key >> 3, self.take(length)?));
                }
                // A group's fields are counted as the message's own.
                3 | 4 => {}
                5 => self.take(4).map(drop)?,
                _ => return None,
            }
        }
    }
}
