//! `ostiary-trainer train`
#![allow(dead_code)]
mod augment;
mod data;
mod events;
mod optimiser;
mod order;
mod schedule;
