//! `lyceum generate`: seeded, realistic data to try the platform on. Nothing here is drawn from real people.

pub(crate) mod ads;
mod events;
pub(crate) mod sink;
mod users;
