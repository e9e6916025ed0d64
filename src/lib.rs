//! Ostiary keeps the door: frames come in, faces are found, followed, aligned, embedded and matched, a
//! decision is made, the door opens (or not), and every decision can say why.
//!
//! Data flows one way through the rooms, each a module with one door (its `mod.rs`):
//!
//! `capture` -> `vision` -> `facebank` -> `door` -> `act`, with `engine` and `bundle` giving `vision` its
//! networks, `config` giving everyone their settings, and `daemon` wiring the threads.

pub mod act;
pub mod annotate;
pub mod bundle;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod door;
pub mod durable;
pub mod engine;
pub mod facebank;
mod ownership;
mod tables;
pub mod vision;
