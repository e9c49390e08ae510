//! The DataFusion engine: one query, one line of typed stages.
//!
//! [`parse`] → [`bind`] → [`certify`] → [`price`] → [`charge`] → [`execute`] → [`release`] → [`finish`].
//! Each stage is a type that only the next stage accepts, consumed by value; none calls back, none can be
//! skipped. Only [`execute`] sees rows. [`layout`] is the other room: how releases are stored so that
//! contribution bounding is one streaming pass.

pub mod barrier;
pub mod bind;
pub mod catalog;
pub mod certify;
pub mod error;
pub mod layout;
pub mod parse;
