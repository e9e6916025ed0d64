//! Measures a door from its record ([`Measurement`]), and writes the report as a page ([`page()`]).
//!
//! Input: the decisions about faces in the event store, oldest first. Output: a [`Report`](ostiary_report::Report), which also says what
//! other values of `door.fpir` would have done.

mod measurement;
mod page;
mod plot;

pub use measurement::Measurement;
pub use page::page;
