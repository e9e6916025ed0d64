//! Checks the bytes of a file before they are decoded. A message of two bytes is decoded to a structure of some hundred
//! bytes, so the number of messages is limited first.

use ostiary_core::MAX_FILE;

use super::LimitError;

/// Maximum number of messages and strings of a file.
const MAX_PARTS: usize = 200_000;
/// Limit of the total size of everything except the structure of graphs and the fixed-length elements of tensors, bytes:
/// names, comments, declared types, elements of variable length.
const MAX_OTHER: usize = 8 << 20;
/// Maximum depth of nested messages: graphs can be attributes of nodes of other graphs.
const MAX_DEPTH: usize = 12;

/// Checks that the decoded file does not need much more memory than its own size. Bytes that are not a protocol buffer are
/// accepted here, and refused by the decoder.
///
/// # Errors
/// The file is too large, has too many parts, or is nested too deeply.
pub fn check(bytes: &[u8]) -> Result<(), LimitError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(LimitError::new("the file", format!("it is larger than {MAX_FILE} bytes")));
    }
    Counts::default().walk(Message::Model, bytes, 0)
}

/// The types of ONNX messages that the check distinguishes.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// Elements of fixed length, which need as much memory as space in the file.
    Elements,
    /// Everything else.
    Other,
}

impl Message {
    /// The type of a field of this message, by its number in onnx.proto.
    fn child(self, field: u64) -> Self {
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Node, 5) => Self::Attribute,
            // float_data, raw_data and double_data.
            (Self::Tensor, 4 | 9 | 10) => Self::Elements,
            _ => Self::Other,
        }
    }
}

/// The counts up to the current position.
#[derive(Default)]
struct Counts {
    /// Messages and strings.
    parts: usize,
    /// Size of [`Message::Other`], bytes.
    other: usize,
}

impl Counts {
    fn walk(&mut self, message: Message, bytes: &[u8], depth: usize) -> Result<(), LimitError> {
        let too_much = |why: String| Err(LimitError::new("the file", why));
        if depth > MAX_DEPTH {
            return too_much("its graphs are nested too deeply".into());
        }
        for (field, payload) in Fields(bytes) {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                return too_much(format!("it has more than {MAX_PARTS} parts"));
            }
            match message.child(field) {
                Message::Elements => {}
                Message::Other => {
                    self.other += payload.len();
                    if self.other > MAX_OTHER {
                        return too_much(format!(
                            "its names, comments and declarations are larger than {MAX_OTHER} bytes"
                        ));
                    }
                }
                child => self.walk(child, payload, depth + 1)?,
            }
        }
        Ok(())
    }
}

/// The length-delimited fields of a message: number and content. Ends at the first invalid field.
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
                // The fields of a group are counted as fields of the message.
                3 | 4 => {}
                5 => self.take(4).map(drop)?,
                _ => return None,
            }
        }
    }
}
