//! The data-sharing service: use cases, authorisation and the ports they need.
